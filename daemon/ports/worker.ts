/**
A piece of work that never ends, taken a bounded step at a time. `busy` asks for the next step at once, `idle` for a
rest.
*/
export type Worker = {name: string; step: (signal: AbortSignal) => Promise<'busy' | 'idle'>};
