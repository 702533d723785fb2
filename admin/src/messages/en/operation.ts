export const catalog = {
  title: "Tool catalog",
  lead: "Every shared tool of the installation. Figures are of the last 30 days, over all clients.",
  clients: "Clients",
  times: "Time, median / 95 %",
};

export const jobs = {
  title: "Jobs",
  lead: "What runs by itself: when it ran, what waits, and what failed.",
  every: "Every",
  next: "Next",
  last: "Last run",
  never: "Not yet",
  run: "Run now",
  begun: (job: string) => `${job} was run`,
  queues: "Queues",
  waiting: "Waiting",
  due: "Due",
  failed: "Failed",
  statuses: { asked: "Asked for", running: "Running", succeeded: "Succeeded", failed: "Failed" },
  workers: "Workers",
  empty: "No job is planned",
  retry: "Send failed deliveries again",
  retried: "They are sent again",
  alive: "Alive",
  gone: "Gone",
  started: "Since",
};

export const health = {
  title: "System health",
  lead: "Each part of the installation, how it is, and what to do.",
  states: { ok: "Well", warning: "Look at it", failed: "Failed" },
  part: "Part",
  versions: "Versions",
};
