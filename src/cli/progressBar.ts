// A progress bar on one line of a terminal.
import type { CommandReplayProgress } from './installation.js';

const WIDTH = 30;
const LEAST_PAUSE_MS = 100;
const CLEAR_LINE = '\r\x1b[K';

/** Draws at most ten times a second; `clear` leaves an empty line for what is said afterwards. */
export function progressBar(write: (text: string) => void) {
  let drawnAt = Number.NEGATIVE_INFINITY;
  return {
    draw(progress: CommandReplayProgress): void {
      const now = performance.now();
      if (now - drawnAt < LEAST_PAUSE_MS) return;
      drawnAt = now;
      write(`${CLEAR_LINE}${progressText(progress)}`);
    },
    clear(): void {
      if (drawnAt > Number.NEGATIVE_INFINITY) write(CLEAR_LINE);
    },
  };
}

/** `[=====     ]  50 %  1,200 lines`; without a size the lines alone. */
export function progressText({ lines, bytesRead, size }: CommandReplayProgress): string {
  const counted = `${lines.toLocaleString('en')} lines`;
  if (size === undefined || size === 0) return counted;
  // A log may grow while it is read.
  const share = Math.min(1, bytesRead / size);
  const bar = '='.repeat(Math.floor(share * WIDTH)).padEnd(WIDTH);
  return `[${bar}] ${String(Math.floor(share * 100)).padStart(3)} %  ${counted}`;
}
