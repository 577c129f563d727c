import qrcode from "qrcode-generator";
import { useMemo } from "react";

/** A QR code. Always dark on white, whatever the theme: cameras want it so. */
export function Qr({ text, label }: { text: string; label: string }) {
  const { path, size } = useMemo(() => {
    const code = qrcode(0, "L");
    code.addData(text);
    code.make();
    const count = code.getModuleCount();
    let drawn = "";
    for (let row = 0; row < count; row += 1) {
      for (let column = 0; column < count; column += 1) {
        if (code.isDark(row, column)) drawn += `M${column + 2} ${row + 2}h1v1h-1z`;
      }
    }
    return { path: drawn, size: count + 4 };
  }, [text]);
  return (
    <svg className="enrol__qr" viewBox={`0 0 ${size} ${size}`} role="img" aria-label={label} shapeRendering="crispEdges">
      <rect width={size} height={size} fill="#fff" />
      <path d={path} fill="#000" />
    </svg>
  );
}
