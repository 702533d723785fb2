import type { Messages } from "../en/index.ts";

export const feedback: Messages["feedback"] = {
  title: "משוב",
  lead: "מה חשבו המבקרים על תשובות ושיחות.",
  empty: "אין משוב מתאים",
  spans: (days) => `${days} הימים האחרונים`,
  span: "תקופה",
  kind: "סוג",
  kinds: { answer: "על תשובה", conversation: "על שיחה" },
  up: "אהבו",
  down: "לא אהבו",
  average: "דירוג ממוצע",
  ratings: "דירוגים",
  ofFive: (rating) => `${rating} מתוך 5`,
  comment: "הערה",
  answer: "התשובה",
  verdict: "חוות דעת",
  onlyDown: "רק לא אהבו",
  onlyUp: "רק אהבו",
};
