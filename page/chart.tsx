import type { JSX } from "preact";
import type { Activity } from "../host/page/desk.ts";
import { useStore } from "./store.ts";
import { count } from "./words.ts";

const WIDTH = 480;
const HEIGHT = 56;
const GAP = 1.5;
/** The lowest top of the scale: three operations in a minute are not a full column. */
const LEAST = 4;

function time(at: number): string {
  return new Date(at).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
}

/** What the chart shows, in words. */
export function activityWords(activity: readonly Activity[]): string {
  const permitted = activity.reduce((sum, part) => sum + part.permitted, 0);
  const denied = activity.reduce((sum, part) => sum + part.denied, 0);
  if (permitted + denied === 0) return "Nothing was asked for in the last hour.";
  const busiest = activity.reduce((a, b) => (b.permitted + b.denied > a.permitted + a.denied ? b : a));
  return `In the last hour ${count(permitted, "request")} permitted, ${denied.toLocaleString()} denied; most at ${time(busiest.at)}, ${(busiest.permitted + busiest.denied).toLocaleString()} in a minute.`;
}

/** Operations and denials of the last hour, a column a minute. */
export function Chart(): JSX.Element | null {
  const { board } = useStore();
  const { activity } = board.value;
  if (activity === undefined || activity.length === 0) return null;
  const top = Math.max(LEAST, ...activity.map(({ permitted, denied }) => permitted + denied));
  const column = WIDTH / activity.length;
  const height = (value: number): number => (value / top) * HEIGHT;
  const words = activityWords(activity);
  const [first] = activity;
  return (
    <figure class="chart">
      <svg viewBox={`0 0 ${String(WIDTH)} ${String(HEIGHT)}`} preserveAspectRatio="none" role="img" aria-label={words}>
        {activity.map(({ at, permitted, denied }, index) => (
          <g key={at}>
            <rect
              class="permitted"
              x={index * column}
              width={column - GAP}
              y={HEIGHT - height(permitted)}
              height={height(permitted)}
            />
            <rect
              class="denied"
              x={index * column}
              width={column - GAP}
              y={HEIGHT - height(permitted + denied)}
              height={height(denied)}
            />
          </g>
        ))}
        <line x1="0" x2={WIDTH} y1={HEIGHT} y2={HEIGHT} />
      </svg>
      <div class="axis" aria-hidden="true">
        <span>{first === undefined ? "" : time(first.at)}</span>
        <span>now</span>
      </div>
      <figcaption>
        <span class="key permitted" aria-hidden="true" /> permitted <span class="key denied" aria-hidden="true" />{" "}
        denied. {words}
      </figcaption>
    </figure>
  );
}
