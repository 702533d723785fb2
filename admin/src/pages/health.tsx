/** How each part of the installation is, and what to do. */

import { useRead } from "../api/query.ts";
import type { HealthCheck } from "../api/types.ts";
import { useMessages } from "../language.tsx";
import { Page } from "../ui/page.tsx";
import { Shown } from "../ui/states.tsx";
import { Badge, Card, JsonView } from "../ui/surface.tsx";
import { type Column, Table } from "../ui/table.tsx";

const EVERY_MS = 15_000;
const TONES = { ok: "good", warning: "warn", failed: "bad" } as const;

export function Component() {
  const t = useMessages();
  const read = useRead("GET /admin/health", {}, { every: EVERY_MS });
  const columns: readonly Column<HealthCheck>[] = [
    { id: "name", title: t.health.part, isPrimary: true, cell: ({ name }) => t.health.parts[name], sort: ({ name }) => t.health.parts[name] },
    { id: "state", title: t.common.status, cell: ({ state }) => <Badge tone={TONES[state]}>{t.health.states[state]}</Badge>, sort: ({ state }) => state },
    { id: "detail", title: t.common.details, cell: ({ detail }) => <bdi>{detail}</bdi> },
    { id: "remedy", title: t.plugins.remedy, cell: ({ remedy }) => <bdi>{remedy ?? "–"}</bdi> },
  ];
  return (
    <Page title={t.health.title} lead={t.health.lead}>
      <Shown read={read}>
        {({ checks, versions }) => (
          <>
            <Card title={t.health.title} isFlush><Table label={t.health.title} columns={columns} rows={checks} keyOf={({ name }) => name} empty={null} /></Card>
            <Card title={t.health.versions}><JsonView value={versions} label={t.health.versions} /></Card>
          </>
        )}
      </Shown>
    </Page>
  );
}
