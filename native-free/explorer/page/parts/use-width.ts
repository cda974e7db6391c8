/** The width of an element, for pictures that fill it. */
import type { RefObject } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

const FIRST_WIDTH = 800;

/** A reference for the element, and its width in pixels, which follows the window. */
export function useWidth(): readonly [host: RefObject<HTMLDivElement | null>, width: number] {
  const host = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(FIRST_WIDTH);
  useEffect(() => {
    const element = host.current;
    if (element === null) return undefined;
    const measure = (): void => setWidth(Math.max(200, element.clientWidth));
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [host, width];
}
