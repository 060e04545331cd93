import {backupCatalog, restoreCatalog} from '../adapters/catalog-backup.js';
import {lockFolder} from '../adapters/folder-lock.js';
import {verifyAudit} from '../coordinator/audit-verify.js';
import {rotateNetworkKeys} from '../coordinator/network-keys.js';
import type {SettingsOf} from '../config-settings.js';
import type {Clock, Random} from '../ports/clock.js';

type Tools = {clock: Clock; say: (line: string) => void};

/** Copies a catalogue into a file; a coordinator may be running on it. */
export const runBackup = async ({dataFolder, toFile}: SettingsOf<'backup'>, {clock, say}: Tools): Promise<void> => {
	const {files, sizeBytes} = await backupCatalog({dataFolder, toFile, clock});
	say(`${files.join(' and ')} of ${dataFolder} are in ${toFile} (${sizeBytes} bytes). Keep it as secret as the folder`);
	if (!files.includes('master.key')) {
		say(
			'The master key is not in it, as where PJAS_MASTER_KEY gives it: keep that key apart, no file opens without it',
		);
	}
};

/** Brings a copy back into a folder that has no catalogue. */
export const runRestore = async ({dataFolder, fromFile}: SettingsOf<'restore'>, {clock, say}: Tools): Promise<void> => {
	const lock = await lockFolder(dataFolder, {clock});
	try {
		const {files, backupCreatedAt} = await restoreCatalog({dataFolder, fromFile, clock});
		say(`${files.join(' and ')} are back in ${dataFolder}, as they were at ${backupCreatedAt}`);
	} finally {
		await lock.release();
	}
};

const VERIFY_PAUSE_MS = 300;

/** Verifies the audit log of a data folder; a coordinator may be running on it. Says whether it is as it was written. */
export const runAudit = async ({dataFolder, headFile}: SettingsOf<'audit'>, {clock, say}: Tools): Promise<boolean> => {
	const pause = async () => clock.sleep(VERIFY_PAUSE_MS);
	const {entries, end, problems} = await verifyAudit({folder: dataFolder, headFile}, pause);
	for (const {segment, line, problem} of problems) say(`${segment}, line ${line}: ${problem}`);
	if (problems.length > 0) {
		say(`The audit log in ${dataFolder} is not as it was written`);
		return false;
	}

	say(`The ${entries} entries of the audit log in ${dataFolder} are as they were written`);
	say(`The last is ${end.seq}, its hash ${end.hash}`);
	say(
		'Keep a copy of audit.head elsewhere, for --head: it shows later that nothing up to here was cut off or written anew',
	);
	return true;
};

/** Gives the network a new key. A coordinator may be running on the folder: it takes the key up within a minute. */
export const runRotateKeys = async (
	{dataFolder, acceptOldMs}: SettingsOf<'rotate-keys'>,
	{clock, random, say}: Tools & {random: Random},
): Promise<void> => {
	const fingerprint = await rotateNetworkKeys({folder: dataFolder, acceptOldMs, clock, random});
	say(`The network's new key is ${fingerprint}. A coordinator that runs takes it up within a minute, nodes after that`);
	const until = new Date(clock.now() + acceptOldMs).toISOString();
	say(`The keys before it are accepted until ${until}. Join codes given out before then work until then`);
};
