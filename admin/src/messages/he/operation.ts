import type { Messages } from "../en/index.ts";

export const catalog: Messages["catalog"] = {
  title: "קטלוג הכלים",
  lead: "כל הכלים המשותפים של המערכת. הנתונים הם של 30 הימים האחרונים, לכל הלקוחות.",
  clients: "לקוחות",
  times: "זמן, חציון / 95 %",
};

export const jobs: Messages["jobs"] = {
  title: "משימות",
  lead: "מה רץ מעצמו: מתי רץ, מה ממתין ומה נכשל.",
  every: "כל",
  next: "הבא",
  last: "ריצה אחרונה",
  never: "עדיין לא",
  run: "הרצה עכשיו",
  begun: (job) => `${job} הורצה`,
  queues: "תורים",
  waiting: "ממתינים",
  due: "הגיע מועדם",
  failed: "נכשלו",
  statuses: { asked: "התבקשה", running: "רצה", succeeded: "הצליחה", failed: "נכשלה" },
  workers: "תהליכי עבודה",
  empty: "לא מתוכננת אף משימה",
  retry: "שליחה חוזרת של משלוחים שנכשלו",
  retried: "הם נשלחים שוב",
  alive: "פעיל",
  gone: "נעלם",
  started: "מאז",
};

export const health: Messages["health"] = {
  title: "תקינות המערכת",
  lead: "כל חלק של המערכת, מה מצבו ומה לעשות.",
  states: { ok: "תקין", warning: "דורש תשומת לב", failed: "נכשל" },
  part: "חלק",
  versions: "גרסאות",
};
