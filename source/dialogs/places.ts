import type {Console} from '../console/view.js';

/** Folders that were used last, for as long as the console runs. */
export type Places = {uploadedFrom?: string; downloadedTo?: string};

const known = new WeakMap<Console, Places>();

/** What this console remembers: it goes when the console goes. */
export const placesOf = (console: Console): Places => {
	const places = known.get(console) ?? {};
	known.set(console, places);
	return places;
};
