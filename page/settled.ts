import type { RefObject } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { useStore } from "./store.ts";

/** What appeared or moved takes no click for so long: the click was meant for what was there before. */
const SETTLE_MS = 500;
/** Less is the rounding of a layout. */
const MOVED_PX = 3;

/** Where an element is in the document, however far it is scrolled. */
function placeOf(element: HTMLElement): { readonly x: number; readonly y: number } {
  const { left, top } = element.getBoundingClientRect();
  return { x: left + scrollX, y: top + scrollY };
}

/**
 * Whether an element has been where it is for half a second. An agent decides when something appears on the page: it must not be able to put an answer
 * under a pointer that is about to click.
 */
export function useSettled(element: RefObject<HTMLElement | null>): boolean {
  const { disturbed, board } = useStore();
  const [settled, setSettled] = useState(false);
  const state = useRef<{ x: number; y: number; timer: number | undefined }>({ x: -1, y: -1, timer: undefined });
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
      const { x, y } = placeOf(element.current);
      if (Math.abs(x - own.x) <= MOVED_PX && Math.abs(y - own.y) <= MOVED_PX) return;
      [own.x, own.y] = [x, y];
      wait();
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
