/** The drawing of a chart: Recharts, in a file of its own. */

import { Area, AreaChart, Bar, BarChart, CartesianGrid, ResponsiveContainer, Tooltip, XAxis, YAxis } from "recharts";

import { type ChartProps, COLORS } from "./chart.tsx";

const TICK = { fill: "var(--ink-faint)", fontSize: 11 };
const MARGIN = { top: 8, right: 8, bottom: 0, left: 0 };

export function Drawing({ kind = "area", points, series, format, formatAt }: ChartProps) {
  const Frame = kind === "area" ? AreaChart : BarChart;
  return (
    <ResponsiveContainer width="100%" height="100%">
      <Frame data={[...points]} margin={MARGIN} accessibilityLayer={false}>
        <CartesianGrid vertical={false} stroke="var(--line)" />
        <XAxis dataKey="at" tickFormatter={(at: string) => formatAt(at)} tick={TICK} tickLine={false} axisLine={false} minTickGap={32} />
        <YAxis tickFormatter={(value: number) => format(value)} tick={TICK} tickLine={false} axisLine={false} width={64} />
        <Tooltip
          isAnimationActive={false}
          labelFormatter={(at) => formatAt(String(at))}
          formatter={(value) => format(Number(value))}
          contentStyle={{ background: "var(--raised)", border: "1px solid var(--line)", borderRadius: 7, color: "var(--ink)" }}
        />
        {series.map(({ id, title, color }) =>
          kind === "area" ? (
            <Area key={id} dataKey={id} name={title} stroke={COLORS[color].ink} fill={COLORS[color].ink} fillOpacity={0.14} strokeWidth={2} isAnimationActive={false} />
          ) : (
            <Bar key={id} dataKey={id} name={title} stackId="all" fill={COLORS[color].ink} isAnimationActive={false} maxBarSize={32} />
          ),
        )}
      </Frame>
    </ResponsiveContainer>
  );
}
