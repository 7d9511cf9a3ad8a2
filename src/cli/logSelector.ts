// The words of `--tenant-by` and `--user-by`, wherever a command reads a log.
import { InvalidArgumentError } from 'commander';
import { type LogSelector, parseLogSelector } from '../core/usage/accessLog.js';

/** Reads `host`, `user` or `path:N`. Throws commander's error for anything else. */
export function logSelector(text: string): LogSelector {
  const selector = parseLogSelector(text);
  if (selector === undefined) throw new InvalidArgumentError('Expected host, user or path:N with N from 1 to 1000.');
  return selector;
}
