/** A QR code, drawn as one path. Dark on white in every theme: that is what every camera reads. */

import encodeQR from "qr";
import { useMemo } from "react";

const QUIET_ZONE = 4;

export function QrCode({ text, label }: { readonly text: string; readonly label: string }) {
  const rows = useMemo(() => encodeQR(text, "raw", { ecc: "medium", border: QUIET_ZONE }), [text]);
  return (
    <svg role="img" aria-label={label} viewBox={`0 0 ${rows.length} ${rows.length}`} shapeRendering="crispEdges" className="size-52 max-w-full justify-self-center rounded-md border border-line">
      <path fill="#fff" d={`M0 0h${rows.length}v${rows.length}H0z`} />
      <path fill="#000" d={rows.map(lineOf).join("")} />
    </svg>
  );
}

/** The dark squares of a row. */
function lineOf(row: readonly boolean[], y: number): string {
  return row.map((isDark, x) => (isDark ? `M${x} ${y}h1v1h-1z` : "")).join("");
}
