import { describe, expect, it, vi } from 'vitest';
import { silentObserver } from '../ports/observer.js';
import { fanOut } from './fanOut.js';

describe('a fan-out', () => {
  it('tells every listener that listens, in their order, and nobody else', () => {
    const told: string[] = [];
    const observer = fanOut(
      { storeDown: (reason) => void told.push(`first ${reason}`), backlog: () => void told.push('backlog') },
      { storeDown: (reason) => void told.push(`second ${reason}`) },
    );
    observer.storeDown('refused');
    observer.storeUp(5);
    observer.leased('taken', 3);
    expect(told).toEqual(['first refused', 'second refused']);
  });

  it('has every method of the port, so that nothing told is ever missing', () => {
    expect(Object.keys(fanOut()).sort()).toEqual(Object.keys(silentObserver).sort());
  });

  it('of one listener is that listener', () => {
    const listener = { leased: vi.fn() };
    expect(fanOut(listener).leased).toBe(listener.leased);
  });
});
