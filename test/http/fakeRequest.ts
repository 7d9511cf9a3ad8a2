// Requests and responses without a connection, for the unit tests of what lies on plain node:http.
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';

/** A request with these headers, in this order, twice where they come twice. */
export function fakeRequest(method = 'GET', headers: readonly (readonly [string, string])[] = []): IncomingMessage {
  const req = new IncomingMessage(new Socket());
  req.method = method;
  req.url = '/';
  for (const [name, value] of headers) {
    req.rawHeaders.push(name, value);
    req.headers[name.toLowerCase()] = value;
  }
  return req;
}

/** A response whose body can be read once it ended. */
export class FakeResponse extends ServerResponse {
  text = '';
  override end(chunk?: unknown): this {
    this.text = String(chunk ?? '');
    return super.end(chunk);
  }

  get json(): unknown {
    return JSON.parse(this.text);
  }
}
