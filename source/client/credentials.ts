import {mkdir, readFile, rename, writeFile} from 'node:fs/promises';
import path from 'node:path';
import {localCoordinatorFile} from '../local-coordinator.js';
import {PjasError} from '../protocol/errors.js';
import {isSecret} from '../protocol/people.js';

/** What of the surroundings decides where credentials are. */
export type CredentialPlaces = {environment: NodeJS.ProcessEnv; home: string};

/** A login that was kept: the token, and whose it is. */
export type Login = {token: string; name: string};

type Logins = Record<string, Login>;

/** https://specifications.freedesktop.org/basedir-spec/latest/ */
export const credentialsFile = ({environment, home}: CredentialPlaces): string =>
	path.join(environment['XDG_CONFIG_HOME'] || path.join(home, '.config'), 'pjas', 'credentials.json');

/** The folder in which uploads that are not whole are remembered. */
export const uploadNotesFolder = (places: CredentialPlaces): string =>
	path.join(path.dirname(credentialsFile(places)), 'uploads');

const readIfThere = async (file: string): Promise<string | undefined> => {
	try {
		return await readFile(file, 'utf8');
	} catch (error) {
		const {code} = error as NodeJS.ErrnoException;
		if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
		throw new PjasError('INVALID_CONFIGURATION', `${file} can't be read (${String(code)})`, {cause: error});
	}
};

const isLogin = (value: unknown): value is Login => {
	const {token, name} = (value ?? {}) as Partial<Record<keyof Login, unknown>>;
	return typeof token === 'string' && typeof name === 'string';
};

const readLogins = async (file: string): Promise<Logins> => {
	const text = await readIfThere(file);
	if (text === undefined) return {};
	try {
		const all = Object.entries(JSON.parse(text) as Record<string, unknown>);
		return Object.fromEntries(all.filter((entry): entry is [string, Login] => isLogin(entry[1])));
	} catch (error) {
		const problem = `${file} holds no logins that can be read. Remove it, and sign in again`;
		throw new PjasError('INVALID_CONFIGURATION', problem, {cause: error});
	}
};

/** Readable by its user alone, and whole or as it was before. */
const writeLogins = async (file: string, logins: Logins): Promise<void> => {
	await mkdir(path.dirname(file), {recursive: true, mode: 0o700});
	const temporary = `${file}.${process.pid}.new`;
	await writeFile(temporary, `${JSON.stringify(logins, undefined, '\t')}\n`, {mode: 0o600});
	await rename(temporary, file);
};

export const keepLogin = async (url: string, login: Login, places: CredentialPlaces): Promise<void> => {
	const file = credentialsFile(places);
	const others = Object.entries(await readLogins(file)).filter(([known]) => known !== url);
	// Where somebody signed in last stands last.
	await writeLogins(file, Object.fromEntries([...others, [url, login]]));
};

/** Says whether there was one. */
export const forgetLogin = async (url: string, places: CredentialPlaces): Promise<boolean> => {
	const file = credentialsFile(places);
	const {[url]: known, ...rest} = await readLogins(file);
	if (known) await writeLogins(file, rest);
	return known !== undefined;
};

/** The login that was kept for an address. */
export const loginFor = async (url: string, places: CredentialPlaces): Promise<Login | undefined> =>
	(await readLogins(credentialsFile(places)))[url];

/** The address that was signed in to last, where no other is named. */
export const lastLoginUrl = async (places: CredentialPlaces): Promise<string | undefined> =>
	Object.keys(await readLogins(credentialsFile(places))).at(-1);

const isLoopback = (host: string): boolean => /^(localhost|127\.[\d.]+|\[::1\])$/.test(host);

/** The token of a coordinator that this user runs on this machine. */
const localToken = async (url: string, {environment, home}: CredentialPlaces): Promise<string | undefined> => {
	const {hostname, port, protocol} = new URL(url);
	if (!isLoopback(hostname)) return undefined;
	const standard = protocol === 'https:' ? '443' : '80';
	const text = await readIfThere(localCoordinatorFile(environment, home, port || standard));
	if (text === undefined) return undefined;
	try {
		const {tokenFile} = JSON.parse(text) as {tokenFile?: unknown};
		return typeof tokenFile === 'string' ? (await readIfThere(tokenFile))?.trim() : undefined;
	} catch {
		return undefined;
	}
};

/**
The token to call a coordinator with: `PJAS_TOKEN` says it, or else the login that was kept, or the coordinator that
this user runs on this machine. `undefined` where there is none: then what is public can be had.

@throws {PjasError} `INVALID_CONFIGURATION` where one of them can't be read or is no token.
*/
export const tokenFor = async (url: string, places: CredentialPlaces): Promise<string | undefined> => {
	const {PJAS_TOKEN: variable} = places.environment;
	const token = variable || ((await loginFor(url, places))?.token ?? (await localToken(url, places)));
	if (token === undefined || isSecret('token', token)) return token;
	const source = variable ? 'PJAS_TOKEN' : 'What is kept for this coordinator';
	throw new PjasError('INVALID_CONFIGURATION', `${source} is no token: it begins with pjas_ and has 48 characters`);
};
