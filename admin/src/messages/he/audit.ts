import type { Messages } from "../en/index.ts";

export const audit: Messages["audit"] = {
  title: "יומן ביקורת",
  lead: "כל שינוי, מי ביצע אותו, ומה היה לפניו ואחריו.",
  empty: "אין שינוי מתאים",
  who: "מי",
  action: "פעולה",
  object: "אובייקט",
  client: "לקוח",
  show: "הצגת השינוי",
  before: "לפני",
  after: "אחרי",
  objectFilter: "אובייקט, למשל plugin:n8n",
  actorFilter: "מי, לפי כתובת דוא״ל",
  actionFilter: "פעולה, למשל tool.switched",
  since: "מתאריך",
  until: "עד תאריך",
  onlyClient: "רק של הלקוח שנבחר",
  ofAll: "של כל הלקוחות",
  request: "בקשה",
};
