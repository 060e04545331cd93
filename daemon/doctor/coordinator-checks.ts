import {X509Certificate} from 'node:crypto';
import path from 'node:path';
import {z} from 'zod';
import {formatSize} from '../../source/format.js';
import {codeOf, type Finding, findingsOf} from '../../source/doctor/finding.js';
import type {DoctorIo} from './io.js';

/** What only a coordinator can be troubled by. */

const DAY_MS = 24 * 3_600_000;
const RENEW_BEFORE_MS = 14 * DAY_MS;
const CLOCK_DOUBT_MS = 60_000;

/** The files of a data folder without which nothing in it is of use. */
export type KeyFiles = {masterKey: string; networkKeys: string; catalogue: string};

/** Whether the keys are there that open what the catalogue lists. */
export const checkKeys = async (
	folder: string,
	{files, isKeyInEnvironment}: {files: KeyFiles; isKeyInEnvironment: boolean},
	io: Pick<DoctorIo, 'list'>,
): Promise<Finding> => {
	const {fine, wrong, skipped} = findingsOf('keys', `Looked for the keys in ${folder}`);
	const names = await io.list(folder).catch((): string[] => []);
	if (!names.includes(files.catalogue)) return skipped('There is no catalogue yet: keys are made with it');
	const fromBackup = 'Put it back from a backup: pjas-daemon restore brings it into an empty folder';
	if (!names.includes(files.masterKey) && !isKeyInEnvironment) {
		return wrong(`${files.masterKey} is missing: no file of the catalogue can be opened`, fromBackup);
	}

	if (names.includes(files.networkKeys)) return fine('They are there');
	return wrong(`${files.networkKeys} is missing: no node will trust this coordinator`, fromBackup);
};

/** Whether the clock here went back: then something in the folder was written in the future. */
export const checkOwnClock = async (folder: string, io: Pick<DoctorIo, 'list' | 'stat' | 'now'>): Promise<Finding> => {
	const {fine, wrong, skipped} = findingsOf('clock', `Compared the clock here with when files in ${folder} changed`);
	const names = await io.list(folder).catch((): string[] => []);
	const times: number[] = [];
	for (const name of names) {
		const found = await io.stat(path.join(folder, name)).catch(() => undefined);
		if (found) times.push(found.changedAtMs);
	}

	if (times.length === 0) return skipped('There is nothing to compare it with');
	const aheadMs = Math.max(...times) - io.now();
	if (aheadMs <= CLOCK_DOUBT_MS) return fine('Nothing was written in the future');
	const remedy = 'Set the clock by the network: timedatectl set-ntp true (or chrony, ntpd)';
	return wrong(`Something was written ${Math.round(aheadMs / 1000)} s in the future: the clock went back`, remedy);
};

/** Whether a certificate can be used, and for how long. */
export const checkCertificate = async (certFile: string, io: Pick<DoctorIo, 'readText' | 'now'>): Promise<Finding> => {
	const {fine, warning, wrong} = findingsOf('certificate', `Read ${certFile}`);
	const text = await io.readText(certFile).catch((error: unknown) => error as Error);
	if (typeof text !== 'string')
		return wrong(`It can't be read: ${codeOf(text)}`, 'Check --tls-cert, and who may read it');
	try {
		const {validFrom, validTo} = new X509Certificate(text);
		const leftMs = Date.parse(validTo) - io.now();
		const renew = 'Have it renewed; the daemon takes a new file up by itself';
		if (leftMs <= 0) return wrong(`It ended on ${validTo}`, renew);
		if (Date.parse(validFrom) > io.now()) return wrong(`It begins on ${validFrom}`, 'Check the clock here');
		const seen = `It is good until ${validTo}`;
		return leftMs < RENEW_BEFORE_MS ? warning(seen, renew) : fine(seen);
	} catch {
		return wrong('It is no certificate in PEM', 'Check --tls-cert: the whole chain, its own first');
	}
};

const statsSchema = z.object({
	stats: z.object({
		totalNodes: z.number(),
		onlineNodes: z.number(),
		freeStorage: z.number(),
		redundancy: z.object({full: z.number(), partly: z.number(), none: z.number()}),
	}),
});

/** The figures of a coordinator that runs; a text where they can't be had. */
export type Figures = z.infer<typeof statsSchema>['stats'] | string;

/** Asks a coordinator that runs for its figures, with the token of its first admin where it keeps one. */
export const figuresOf = async (
	url: string,
	token: string | undefined,
	io: Pick<DoctorIo, 'ask'>,
): Promise<Figures> => {
	try {
		const headers = token === undefined ? {} : {authorization: `Bearer ${token}`};
		const {status, text} = await io.ask(`${url}/api/stats`, {headers});
		if (status === 401 || status === 403) return 'The admin token in the data folder is not accepted any more';
		return statsSchema.parse(JSON.parse(text)).stats;
	} catch (error) {
		return `Its figures can't be had: ${codeOf(error)}`;
	}
};

/** Whether an upload finds nodes that take it. */
export const checkNodes = (
	figures: Figures,
	{replicas, minReplicas}: {replicas: number; minReplicas: number},
): Finding => {
	const {fine, warning, wrong, skipped} = findingsOf('nodes', 'Asked the coordinator which nodes are online');
	if (typeof figures === 'string') return skipped(figures);
	const {totalNodes, onlineNodes, freeStorage} = figures;
	const seen = `${onlineNodes} of ${totalNodes} are online, with ${formatSize(freeStorage)} free`;
	if (totalNodes === 0)
		return wrong('No node has ever joined, so no upload can be kept', 'Invite one: pjas-tui invite node');
	const remedy = 'pjas-tui nodes shows which are away. On their machines, pjas-daemon doctor --role node says why';
	// An upload asks for no more copies than there ever were nodes.
	if (onlineNodes < Math.min(minReplicas, totalNodes)) return wrong(`${seen}: too few for an upload`, remedy);
	if (freeStorage === 0) return wrong(`${seen}: no upload finds room`, 'Have members give more, or invite nodes');
	return onlineNodes < replicas ? warning(`${seen}: too few for ${replicas} copies`, remedy) : fine(seen);
};

/** Whether every file can be had. */
export const checkFiles = (figures: Figures): Finding => {
	const {fine, warning, wrong, skipped} = findingsOf('files', 'Asked the coordinator how many copies the chunks have');
	if (typeof figures === 'string') return skipped(figures);
	const {full, partly, none} = figures.redundancy;
	const remedy = 'pjas-tui repair says why, and what helps: mostly, that a node comes back';
	if (none > 0) return wrong(`${none} of ${full + partly + none} chunks have no copy online: their files fail`, remedy);
	if (partly > 0) return warning(`${partly} of ${full + partly} chunks have fewer copies than wanted`, remedy);
	return fine(full === 0 ? 'There are no chunks yet' : `All ${full} chunks have all their copies`);
};
