import type {Log} from '../ports/log.js';

const silence = () => undefined;

/** A log that nobody reads. */
export const silentLog: Log = {debug: silence, info: silence, warn: silence, error: silence, child: () => silentLog};
