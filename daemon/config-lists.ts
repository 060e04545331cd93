import {proxiesOf} from './http/client.js';

const MOST_ITEMS = 100;

const itemsOf = (text: string): string[] | undefined => {
	const items = text
		.split(',')
		.map(item => item.trim())
		.filter(item => item !== '');
	return items.length > MOST_ITEMS ? undefined : items;
};

/** The origin of a page, as a browser sends it: scheme, host and port, and nothing more. */
const isOrigin = (item: string): boolean =>
	item === '*' || (/^https?:/.test(item) && URL.canParse(item) && new URL(item).origin === item);

/** The origins in a list. */
export const parseOrigins = (text: string): string[] | undefined => {
	const items = itemsOf(text);
	return items?.every(isOrigin) ? items : undefined;
};

const MOST_WEBHOOKS = 5;

/** The addresses in a list that webhooks are sent to. Who is told by a name and a password in it is not: `fetch` takes none. */
export const parseWebhooks = (text: string): string[] | undefined => {
	const items = text.split(/[\s,]+/).filter(item => item !== '');
	const isFit = (item: string) => {
		if (!/^https?:\/\//.test(item) || !URL.canParse(item)) return false;
		const {username, password} = new URL(item);
		return username === '' && password === '';
	};
	return items.length > 0 && items.length <= MOST_WEBHOOKS && items.every(isFit) ? items : undefined;
};

/** The proxies in a list, as `proxiesOf` takes them. */
export const parseProxies = (text: string): string[] | undefined => {
	const items = itemsOf(text);
	if (!items || items.length === 0) return undefined;
	try {
		proxiesOf(items);
		return items;
	} catch {
		return undefined;
	}
};
