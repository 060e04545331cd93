import {randomUUID} from 'node:crypto';
import {link, readdir, readFile, rm, writeFile} from 'node:fs/promises';
import path from 'node:path';
import {PjasError} from '../../source/protocol/errors.js';
import type {Clock} from '../ports/clock.js';
import {makeFolder} from './catalog-files.js';

/**
One process at a time works on a folder.

A claim is a file `daemon-<n>.lock` that says which process made it. Whoever comes finds out whether the process of the
claim that is there still runs. Where it doesn't, the newcomer claims the next number: of several at once, the file
system lets one make that file. It then looks again, since a slow one may have looked before another took over, and
gives way to any other claim that holds. No claim of a living process is ever replaced, so two never hold a folder.
*/
type Claim = {
	pid: number;
	/** When the process started, in ticks since the boot, so that another process with its id is told from it. */
	startTicks?: string;
	bootId?: string;
	token: string;
};

export type FolderLock = {release: () => Promise<void>};

type LockOptions = {clock: Pick<Clock, 'sleep'>; pid?: number};

const claimName = /^daemon-(\d{1,15})\.lock$/;
const unfinishedName = /^daemon-\d{1,15}\.lock\../;
const MAX_TRIES = 50;
/** A claim without content is being written where the file system has no links, or a power cut took what was in it. */
const EMPTY_CLAIM_TRIES = 10;
const EMPTY_CLAIM_WAIT_MS = 100;
const GIVE_WAY_MS = 50;

/** The claims that this process holds, so that it does not take itself for a namesake. */
const heldTokens = new Set<string>();

const readOptional = async (file: string): Promise<string | undefined> => {
	try {
		return await readFile(file, 'utf8');
	} catch {
		return undefined;
	}
};

/** Fields of a process's `stat`, where there is a /proc: its state, and when it started. */
const statOf = async (pid: number): Promise<{state: string; startTicks: string} | undefined> => {
	const stat = await readOptional(`/proc/${pid}/stat`);
	// The second field is the program's name in parentheses, which may hold spaces and parentheses itself.
	const [state, ...rest] = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? [];
	const startTicks = rest[18];
	return state && startTicks ? {state, startTicks} : undefined;
};

const bootId = async () => (await readOptional('/proc/sys/kernel/random/boot_id'))?.trim();

const isRunning = (pid: number): boolean => {
	try {
		process.kill(pid, 0);
		return true;
	} catch (error) {
		// Another user's process may not be signalled, but it is there.
		return (error as NodeJS.ErrnoException).code === 'EPERM';
	}
};

const parseClaim = (text: string): Claim | undefined => {
	try {
		const {pid, startTicks, bootId, token} = JSON.parse(text) as Partial<Claim>;
		if (!Number.isSafeInteger(pid) || Number(pid) <= 0 || typeof token !== 'string') return undefined;
		return {
			pid: Number(pid),
			token,
			...(typeof startTicks === 'string' && {startTicks}),
			...(typeof bootId === 'string' && {bootId}),
		};
	} catch {
		return undefined;
	}
};

const holds = async ({pid, startTicks, bootId: claimedBoot, token}: Claim): Promise<boolean> => {
	if (heldTokens.has(token)) return true;
	if (pid === process.pid || !isRunning(pid)) return false;
	const boot = await bootId();
	if (claimedBoot !== undefined && boot !== undefined && claimedBoot !== boot) return false;
	const stat = await statOf(pid);
	if (!stat) return true;
	// A process that ended and that its parent did not ask about has its id still, and nothing else.
	const hasEnded = stat.state === 'Z' || stat.state === 'X';
	return !hasEnded && (startTicks === undefined || startTicks === stat.startTicks);
};

type Found = {number: number; file: string; claim: Claim | 'empty' | undefined};

const claimsIn = async (folder: string): Promise<Found[]> => {
	const found: Found[] = [];
	for (const name of await readdir(folder)) {
		const number = claimName.exec(name)?.[1];
		if (number === undefined) continue;
		const file = path.join(folder, name);
		const text = await readOptional(file);
		// Gone since the folder was listed.
		if (text === undefined) continue;
		found.push({number: Number(number), file, claim: text.trim() === '' ? 'empty' : parseClaim(text)});
	}

	return found;
};

/** Makes a file with its content at once, if there is none of its name. Says whether it did. */
const createWhole = async (file: string, content: string, token: string): Promise<boolean> => {
	const temporary = `${file}.${token}`;
	try {
		await writeFile(temporary, content, {flag: 'wx'});
		await link(temporary, file);
		return true;
	} catch (error) {
		const {code, syscall} = error as NodeJS.ErrnoException;
		if (code === 'EEXIST') return false;
		if (syscall !== 'link') throw error;
	} finally {
		await rm(temporary, {force: true});
	}

	// A file system without links, such as exFAT.
	try {
		await writeFile(file, content, {flag: 'wx'});
		return true;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
		throw error;
	}
};

const removeOwn = async (file: string, token: string) => {
	const text = await readOptional(file);
	if (text !== undefined && parseClaim(text)?.token === token) await rm(file, {force: true});
};

const firstHolder = async (claims: readonly Found[]): Promise<Claim | undefined> => {
	for (const {claim} of claims) {
		if (claim !== undefined && claim !== 'empty' && (await holds(claim))) return claim;
	}

	return undefined;
};

/** A process that works on a folder. */
export type FolderHolder = {pid: number};

/** Which process works on a folder; `undefined` where none does. Changes nothing, and rejects where there is no folder. */
export const holderOf = async (folder: string): Promise<FolderHolder | undefined> => {
	const claim = await firstHolder(await claimsIn(folder));
	return claim && {pid: claim.pid};
};

const refusal = (folder: string, {pid}: Claim) => {
	const holder = pid === process.pid ? `this process (${pid}) already` : `process ${pid}`;
	return new PjasError('FOLDER_IN_USE', `${folder} is in use by ${holder}: stop that one, or choose another folder`);
};

/** Removes the claims of processes that ended, and what is left of one that ended while it made its claim. */
const removeLeftovers = async (folder: string, claims: readonly Found[]) => {
	const unfinished = (await readdir(folder)).filter(name => unfinishedName.test(name));
	for (const file of [...claims.map(each => each.file), ...unfinished.map(name => path.join(folder, name))]) {
		await rm(file, {force: true});
	}
};

/**
Locks a folder for this process, and makes it where it is not there. A lock that a process left behind when it ended is
taken over.

@throws {PjasError} `FOLDER_IN_USE`, with the id of the process that holds it.
*/
export const lockFolder = async (folder: string, {clock, pid = process.pid}: LockOptions): Promise<FolderLock> => {
	await makeFolder(folder);
	const token = randomUUID();
	const startTicks = (await statOf(pid))?.startTicks;
	const boot = await bootId();
	const claim: Claim = {pid, ...(startTicks && {startTicks}), ...(boot && {bootId: boot}), token};

	let emptyTries = 0;
	let seenToken: string | undefined;
	for (let tries = 0; tries < MAX_TRIES; tries++) {
		const claims = await claimsIn(folder);
		const holder = await firstHolder(claims);
		if (holder) {
			if (holder.token === seenToken) throw refusal(folder, holder);
			// It may be about to give way itself: only one that stays is named.
			seenToken = holder.token;
			await clock.sleep(GIVE_WAY_MS);
			continue;
		}

		if (claims.some(each => each.claim === 'empty') && emptyTries++ < EMPTY_CLAIM_TRIES) {
			await clock.sleep(EMPTY_CLAIM_WAIT_MS);
			continue;
		}

		const number = Math.max(0, ...claims.map(each => each.number)) + 1;
		const file = path.join(folder, `daemon-${number}.lock`);
		const release = async () => {
			await removeOwn(file, token);
			heldTokens.delete(token);
		};

		heldTokens.add(token);
		if (await createWhole(file, `${JSON.stringify(claim)}\n`, token)) {
			const others = (await claimsIn(folder)).filter(each => each.number !== number);
			if (!(await firstHolder(others))) {
				await removeLeftovers(folder, others);
				return {release};
			}
		}

		await release();
	}

	throw new PjasError('FOLDER_IN_USE', `${folder} could not be locked: others keep trying for it. Try again`);
};
