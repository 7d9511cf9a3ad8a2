// One observer that tells several: whoever is told of something wires one, and each listener names only what it listens to.
import { type Observer, silentObserver } from '../ports/observer.js';

/** Tells every listener, in their order. What only one of them listens to costs no loop: it is that listener's own function. */
export function fanOut(...listeners: readonly Partial<Observer>[]): Observer {
  const one = <Name extends keyof Observer>(name: Name): Pick<Observer, Name> => {
    const heard = listeners.flatMap((listener) => listener[name] ?? []);
    return { [name]: toEach(heard) } as Pick<Observer, Name>;
  };
  const names = Object.keys(silentObserver) as (keyof Observer)[];
  return Object.assign({ ...silentObserver }, ...names.map(one));
}

type Told = (...what: never[]) => void;

function toEach(heard: readonly Told[]): Told {
  const [only] = heard;
  if (only === undefined) return () => {};
  if (heard.length === 1) return only;
  return (...what) => {
    for (const tell of heard) tell(...what);
  };
}
