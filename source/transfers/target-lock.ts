import {randomBytes} from 'node:crypto';
import {link, readFile, rename, rm, writeFile} from 'node:fs/promises';
import {z} from 'zod';
import {besideTarget} from './partial-file.js';
import {codeOf, onDisk, shown, TransferError} from './transfer-error.js';

/**
One download at a time writes a target. A claim is a file beside it that says which process made it; one whose process
has ended is taken over.
*/
const claimSchema = z.object({
	pid: z.int().positive(),
	/** When that process started, in ticks since the boot or in milliseconds, so that a namesake is told from it. */
	started: z.string(),
	token: z.string(),
});
type Claim = z.infer<typeof claimSchema>;

export type TargetLock = {
	/** Whether the target is still ours: somebody may have removed the claim. */
	isHeld: () => Promise<boolean>;
	release: () => Promise<void>;
};

const MAX_TRIES = 5;
const TOKEN_BYTES = 6;

const readOptional = async (file: string): Promise<string | undefined> => {
	try {
		return await readFile(file, 'utf8');
	} catch {
		return undefined;
	}
};

/** `undefined` where there is no /proc to tell. */
const startTicksOf = async (pid: number): Promise<string | undefined> => {
	const stat = await readOptional(`/proc/${pid}/stat`);
	// The second field is the program's name in parentheses, which may hold spaces and parentheses itself.
	return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
};

const ownStart = async () => (await startTicksOf(process.pid)) ?? String(performance.timeOrigin);

const parseClaim = (text: string | undefined): Claim | undefined => {
	try {
		return claimSchema.parse(JSON.parse(text ?? ''));
	} catch {
		return undefined;
	}
};

const isRunning = (pid: number): boolean => {
	try {
		process.kill(pid, 0);
		return true;
	} catch (error) {
		// Another user's process may not be signalled, but it is there.
		return codeOf(error) === 'EPERM';
	}
};

const holds = async ({pid, started}: Claim): Promise<boolean> => {
	if (!isRunning(pid)) return false;
	const actual = pid === process.pid ? await ownStart() : await startTicksOf(pid);
	return actual === undefined || actual === started;
};

/** Makes a file with its content at once, if there is none of its name. Says whether it did. */
const createWhole = async (file: string, content: string, temporary: string): Promise<boolean> => {
	await writeFile(temporary, content, {flag: 'wx'});
	try {
		await link(temporary, file);
		return true;
	} catch (error) {
		if (codeOf(error) === 'EEXIST') return false;
	} finally {
		await rm(temporary, {force: true});
	}

	// A file system without links, such as exFAT.
	try {
		await writeFile(file, content, {flag: 'wx'});
		return true;
	} catch (error) {
		if (codeOf(error) === 'EEXIST') return false;
		throw error;
	}
};

const refusal = (target: string, lockPath: string, {pid}: Claim) => {
	const holder = pid === process.pid ? 'another download' : `process ${pid}`;
	const way = `wait until it ends, or choose another name (if none runs, remove ${shown(lockPath)})`;
	return new TransferError('TARGET_IN_USE', `${shown(target)} is being downloaded by ${holder} already: ${way}`);
};

/** Moves a claim whose process ended out of the way; another's that was made in the meantime is put back. */
const removeEnded = async (lockPath: string, seen: string, aside: string): Promise<void> => {
	try {
		await rename(lockPath, aside);
	} catch (error) {
		if (codeOf(error) === 'ENOENT') return;
		throw error;
	}

	if ((await readOptional(aside)) !== seen) await link(aside, lockPath).catch(() => undefined);
	await rm(aside, {force: true});
};

/**
Claims a target for one download of this process.

@throws {TransferError} `TARGET_IN_USE` where another download holds it, or what keeps a file from being made beside it.
*/
export const lockTarget = async (target: string): Promise<TargetLock> => {
	const lockPath = besideTarget(target, '.part-lock');
	const token = randomBytes(TOKEN_BYTES).toString('hex');
	const temporary = besideTarget(target, `.part-lock.${token}`);
	const claim: Claim = {pid: process.pid, started: await ownStart(), token};
	const isHeld = async () => parseClaim(await readOptional(lockPath))?.token === token;

	return onDisk(target, 'written', async () => {
		for (let tries = 0; tries < MAX_TRIES; tries++) {
			if (await createWhole(lockPath, `${JSON.stringify(claim)}\n`, temporary)) {
				return {
					isHeld,
					async release() {
						if (await isHeld()) await rm(lockPath, {force: true});
					},
				};
			}

			const seen = await readOptional(lockPath);
			const other = parseClaim(seen);
			if (other && (await holds(other))) throw refusal(target, lockPath, other);
			if (seen !== undefined) await removeEnded(lockPath, seen, temporary);
		}

		const way = `try again, or remove ${shown(lockPath)}`;
		throw new TransferError('TARGET_IN_USE', `Others keep trying for ${shown(target)}: ${way}`);
	});
};
