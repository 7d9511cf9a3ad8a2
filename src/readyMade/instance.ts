// The one Tallygate of the ready-made pair, shared by `require` and `import`. It reads the environment when the first of the
// pair is loaded, and ends itself: nobody else knows that it is there.
import { createReadyMade, type ReadyMade } from '../tallygate.js';

/** See the head of this file. */
export const instance: ReadyMade = createReadyMade();

/** What a process that ends leaves behind is said, whoever ended it. */
function tellOfLost(rows: number): void {
  if (rows > 0) process.stderr.write(`tallygate: ${rows} rows of usage could not be flushed and are lost.\n`);
}

/**
 * On a signal: where nobody else listens for it, flushes, and lets the signal do what it would have done. Where the app has a
 * listener of its own, the app ends the process, at a time that only it knows: until then usage is sent as it comes.
 */
function endOn(signal: NodeJS.Signals): void {
  async function end(): Promise<void> {
    if (process.listenerCount(signal) > 1) return instance.hurry();
    tellOfLost(await instance.close());
    process.off(signal, onSignal);
    // An app that began to listen meanwhile has not heard this signal yet.
    process.kill(process.pid, signal);
  }
  const onSignal = () => void end();
  // Before all others: a listener that the app added by `once` is no longer counted when it has run, and the app would be
  // killed in the middle of its own shutdown.
  process.prependListener(signal, onSignal);
}

endOn('SIGTERM');
endOn('SIGINT');
// A script that simply comes to its end: what it used is flushed before the process is gone.
process.once('beforeExit', () => void instance.close());
// An app that calls process.exit() leaves no time for anything but a word.
process.once('exit', () => tellOfLost(instance.unflushedRows()));
