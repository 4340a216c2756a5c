import type { RefObject } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { useStore } from "./store.ts";

/** What appeared or moved takes no click for so long: the click was meant for what was there before. */
const SETTLE_MS = 500;
/** Less is the rounding of a layout. */
const MOVED_PX = 3;

/** Where an element is, in the document and on the screen. */
interface Place {
  readonly document: readonly [x: number, y: number];
  readonly screen: readonly [x: number, y: number];
}

function placeOf(element: HTMLElement): Place {
  const { left, top } = element.getBoundingClientRect();
  return { document: [left + scrollX, top + scrollY], screen: [left, top] };
}

function isFar([x, y]: Place["screen"], [otherX, otherY]: Place["screen"]): boolean {
  return Math.abs(x - otherX) > MOVED_PX || Math.abs(y - otherY) > MOVED_PX;
}

/** Scrolling moves what stands in the document on the screen, and what sticks to the screen in the document: neither is a move. */
function hasMoved(before: Place, now: Place): boolean {
  return isFar(before.document, now.document) && isFar(before.screen, now.screen);
}

/**
 * Whether an element has been where it is for half a second. An agent decides when something appears on the page: it must not be able to put an answer
 * under a pointer that is about to click.
 */
export function useSettled(element: RefObject<HTMLElement | null>): boolean {
  const { disturbed, board } = useStore();
  const [settled, setSettled] = useState(false);
  const state = useRef<{ place: Place | undefined; timer: number | undefined }>({ place: undefined, timer: undefined });
  const disturbances = disturbed.value;

  useLayoutEffect(() => {
    const own = state.current;
    const wait = (): void => {
      setSettled(false);
      clearTimeout(own.timer);
      own.timer = setTimeout(() => {
        setSettled(true);
      }, SETTLE_MS);
    };
    const look = (): void => {
      if (element.current === null) return;
      const now = placeOf(element.current);
      const before = own.place;
      own.place = now;
      if (before !== undefined && hasMoved(before, now)) wait();
    };
    look();
    wait();
    const observer = new ResizeObserver(look);
    observer.observe(document.body);
    const unsubscribe = board.subscribe(() => {
      requestAnimationFrame(look);
    });
    return () => {
      unsubscribe();
      observer.disconnect();
      clearTimeout(own.timer);
    };
  }, [element, board, disturbances]);

  return settled;
}
