/** Numbers, money and time as the interface's language writes them. */

export interface Formats {
  readonly number: (value: number) => string;
  /** 12.3K, for where room is scarce. */
  readonly short: (value: number) => string;
  readonly percent: (share: number) => string;
  /** Of an amount as the server writes it, such as "0.001230". */
  readonly money: (amount: string | number, currency?: string) => string;
  readonly date: (moment: string) => string;
  readonly dateTime: (moment: string) => string;
  readonly time: (moment: string) => string;
  /** "3 minutes ago". */
  readonly ago: (moment: string, now?: number) => string;
  readonly duration: (ms: number) => string;
  readonly bytes: (size: number) => string;
}

const STEPS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

export function formatsOf(language: string): Formats {
  const number = new Intl.NumberFormat(language);
  const short = new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 1 });
  const percent = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 });
  const milliseconds = new Intl.NumberFormat(language, { style: "unit", unit: "millisecond", maximumFractionDigits: 0 });
  const lengths = (["second", "minute", "hour"] as const).map((unit) => new Intl.NumberFormat(language, { style: "unit", unit, maximumFractionDigits: 1 }));
  const megabytes = new Intl.NumberFormat(language, { style: "unit", unit: "megabyte", maximumFractionDigits: 1 });
  const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  const date = new Intl.DateTimeFormat(language, { dateStyle: "medium" });
  const dateTime = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
  const time = new Intl.DateTimeFormat(language, { timeStyle: "medium" });
  // A line from right to left would put a unit in Latin letters before its number; a chart is drawn from left to right.
  const isolated = (text: string): string => (language === "he" ? `\u2068${text}\u2069` : text);
  return {
    number: (value) => number.format(value),
    short: (value) => short.format(value),
    percent: (share) => percent.format(share),
    money: (amount, currency = "USD") => moneyOf(language, Number(amount), currency),
    date: (moment) => isolated(date.format(momentOf(moment))),
    dateTime: (moment) => dateTime.format(new Date(moment)),
    time: (moment) => time.format(new Date(moment)),
    // Hebrew tells one of a unit by its word, and then again: "a minute (1) ago".
    ago: (moment, now = Date.now()) => agoOf(relative, (new Date(moment).getTime() - now) / 1000).replace(" (1)", ""),
    duration: (ms) => isolated(ms < 1000 ? milliseconds.format(ms) : lengthOf(lengths, ms / 1000)),
    bytes: (size) => isolated(megabytes.format(size / 1_000_000)),
  };
}

/** A day without a time is that day wherever its reader is; by itself, JavaScript takes it for midnight in UTC. */
function momentOf(moment: string): Date {
  return new Date(/^\d{4}-\d\d-\d\d$/.test(moment) ? `${moment}T00:00` : moment);
}

/** In the largest unit of seconds, minutes and hours of which there is a whole one. */
function lengthOf(formats: readonly Intl.NumberFormat[], seconds: number): string {
  const step = seconds < 60 ? 0 : seconds < 3600 ? 1 : 2;
  return formats[step]?.format(seconds / 60 ** step) ?? "";
}

/** What models cost is often less than a cent, and shall not read as nothing. */
function moneyOf(language: string, amount: number, currency: string): string {
  const isTiny = amount !== 0 && Math.abs(amount) < 0.1;
  const digits = isTiny ? { maximumSignificantDigits: 2 } : { maximumFractionDigits: 2 };
  return new Intl.NumberFormat(language, { style: "currency", currency: currency.toUpperCase(), ...digits }).format(amount);
}

function agoOf(relative: Intl.RelativeTimeFormat, seconds: number): string {
  for (const [unit, length] of STEPS) {
    if (Math.abs(seconds) >= length) return relative.format(Math.trunc(seconds / length), unit);
  }
  return relative.format(0, "second");
}
