import {createPrivateKey, X509Certificate} from 'node:crypto';
import {readFile, stat} from 'node:fs/promises';
import {createSecureContext, type SecureContextOptions} from 'node:tls';
import {PjasError} from '../../source/protocol/errors.js';
import type {Clock} from '../ports/clock.js';
import type {Log} from '../ports/log.js';

/** A certificate, with those that lead to its authority below it, and its key, both in PEM. */
export type TlsFiles = {certFile: string; keyFile: string};

export type TlsContext = Required<Pick<SecureContextOptions, 'cert' | 'key' | 'minVersion'>>;

const LOOK_EVERY_MS = 10_000;
const MIN_VERSION = 'TLSv1.2';

const wrong = (problem: string, cause: unknown) => new PjasError('INVALID_CONFIGURATION', problem, {cause});

const reasons: Record<string, string> = {
	ENOENT: 'there is no such file',
	EACCES: 'this user may not read it',
	EISDIR: 'it is a folder',
};

const read = async (what: string, file: string): Promise<Buffer> => {
	try {
		return await readFile(file);
	} catch (error) {
		const {code = 'unknown'} = error as NodeJS.ErrnoException;
		throw wrong(`${what} ${file} can't be read: ${reasons[code] ?? code}`, error);
	}
};

const parse = <Parsed>(what: string, file: string, make: () => Parsed): Parsed => {
	try {
		return make();
	} catch (error) {
		throw wrong(`${what} ${file} is not one in PEM, or is not whole`, error);
	}
};

/**
Reads certificate and key, and sees that they can be used together.

@throws {PjasError} `INVALID_CONFIGURATION`: which file is wrong, and why.
*/
export const loadTls = async ({certFile, keyFile}: TlsFiles): Promise<TlsContext & {validUntilMs: number}> => {
	const cert = await read('The certificate', certFile);
	const key = await read('The key', keyFile);
	const certificate = parse('The certificate', certFile, () => new X509Certificate(cert));
	const privateKey = parse('The key', keyFile, () => createPrivateKey(key));
	if (!certificate.checkPrivateKey(privateKey)) {
		throw wrong(`The key ${keyFile} does not belong to the certificate ${certFile}`, undefined);
	}

	const context: TlsContext = {cert, key, minVersion: MIN_VERSION};
	parse('The certificate', certFile, () => createSecureContext(context));
	return {...context, validUntilMs: Date.parse(certificate.validTo)};
};

/** What tells that a file was written or replaced. */
const stampOf = async (file: string): Promise<string> => {
	try {
		const {mtimeMs, size, ino} = await stat(file);
		return `${mtimeMs} ${size} ${ino}`;
	} catch (error) {
		return (error as NodeJS.ErrnoException).code ?? 'unreadable';
	}
};

const stampsOf = async ({certFile, keyFile}: TlsFiles): Promise<string> =>
	(await Promise.all([certFile, keyFile].map(stampOf))).join();

export type TlsWatch = {
	files: TlsFiles;
	clock: Pick<Clock, 'now' | 'sleep'>;
	log: Log;
	/** Takes what the files hold now. */
	use: (context: TlsContext) => void;
	signal: AbortSignal;
};

/**
Looks again and again whether the files were replaced, and hands over what they hold, until the signal is aborted. While the
two don't fit, as in the middle of a renewal, what was there before stays.
*/
export const watchTls = async ({files, clock, log, use, signal}: TlsWatch): Promise<void> => {
	let used = await stampsOf(files);
	let warned = '';
	for (;;) {
		try {
			await clock.sleep(LOOK_EVERY_MS, signal);
		} catch {
			return;
		}

		const stamps = await stampsOf(files);
		if (stamps === used) continue;
		try {
			const {validUntilMs, ...context} = await loadTls(files);
			use(context);
			used = stamps;
			warned = '';
			log.info('the certificate was replaced', {validUntil: new Date(validUntilMs)});
		} catch (error) {
			if (warned !== stamps) log.warn('certificate and key can not be used: the ones of before stay', {error});
			warned = stamps;
		}
	}
};
