// Where messages for people go.

/** `pino` has this shape. First what belongs to the message, then the message. */
export interface Log {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}
