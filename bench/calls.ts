// Calls between the bench and the processes that it starts, over their IPC channel: one question, one answer, in order.
import type { StartedProcess } from '../test/servers/childProcess.js';

/** What a process answers where it could not do what it was asked. */
interface Failure {
  readonly failure: string;
}

const isFailure = (answer: object): answer is Failure => 'failure' in answer;

/** Asks a process and waits for its answer. Rejects where it fails, ends, or says nothing within `deadlineMs`. */
export function call<Answer extends object>(
  started: StartedProcess,
  question: object,
  deadlineMs: number,
): Promise<Answer> {
  const { child, pid } = started;
  return new Promise((resolve, reject) => {
    const settle = (error: Error | undefined, answer?: Answer) => {
      clearTimeout(timer);
      child.off('message', onMessage).off('exit', onExit);
      if (error === undefined) resolve(answer as Answer);
      else reject(error);
    };
    const onMessage = (answer: object) =>
      isFailure(answer) ? settle(new Error(answer.failure)) : settle(undefined, answer as Answer);
    const onExit = () => settle(new Error(`process ${pid} ended: ${started.stderr()}`));
    const timer = setTimeout(
      () => settle(new Error(`process ${pid} did not answer within ${deadlineMs} ms: ${started.stderr()}`)),
      deadlineMs,
    );
    child.on('message', onMessage).on('exit', onExit);
    if (child.connected) child.send(question);
    else onExit();
  });
}

/** The other side: answers each question. The process ends with its channel, so that nothing outlives the bench. */
export function answerCalls<Question>(answer: (question: Question) => object | Promise<object>): void {
  process.on('message', async (question: Question) => {
    try {
      process.send?.(await answer(question));
    } catch (error) {
      process.send?.({ failure: error instanceof Error ? `${error.stack}` : String(error) });
    }
  });
  process.on('disconnect', () => process.exit());
}
