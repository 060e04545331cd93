import {PjasError} from '../../../source/protocol/errors.js';
import type {FileId} from '../../../source/protocol/ids.js';
import {isSecret} from '../../../source/protocol/people.js';
import type {FileRecord, LinkRecord} from '../../core/model.js';
import type {Catalog} from '../../ports/catalog.js';
import type {Clock, Random} from '../../ports/clock.js';
import type {Passwords} from '../../ports/passwords.js';
import type {Allowance} from '../send-file.js';
import {tried, type TryLimits} from '../try-limits.js';
import type {Accounts} from './accounts.js';
import {changeSmall} from './change-small.js';
import {hashOf, newSecret, shortIdOf} from './secrets.js';

export type NewLink = {
	file: FileId;
	createdBy: string;
	expiresInMs: number;
	password?: string | undefined;
	mostDownloads?: number | undefined;
};

export type OpenedLink = {link: LinkRecord; file: FileRecord};

export type ShareLinks = {
	create: (link: NewLink) => Promise<{record: LinkRecord; secret: string}>;
	/** The links that still lead somewhere, or will again once their file is back from the trash: of an account, or all. */
	open: (createdBy?: string) => Promise<LinkRecord[]>;
	/** Throws `LINK_NOT_FOUND` where `by` made none of this short id. Without `by`, whoever made it. */
	revoke: (shortId: string, by?: string) => Promise<LinkRecord>;
	/**
	What a link leads to.

	@throws {PjasError} `LINK_NOT_FOUND` where it is unknown, expired, or its file is gone or in the trash; `LINK_PASSWORD_NEEDED` where
	`password` is not its own; `LINK_EXHAUSTED` where it was used as often as it may be.
	*/
	follow: (secret: string, tried: {password: string | undefined; address: string}) => Promise<OpenedLink>;
	/** What may be sent by a link, counted; `undefined` where it has no limit. */
	allowanceOf: (opened: OpenedLink) => Allowance | undefined;
};

type ShareLinksOptions = {
	catalog: Catalog;
	accounts: Accounts;
	passwords: Passwords;
	tryLimits: TryLimits;
	clock: Pick<Clock, 'now'>;
	random: Random;
};

const MOST_LINKS = 1_000;
/** What was sent and did not arrive may be sent again: this much, and never so much that it makes one download more. */
const MOST_RESENT_BYTES = 16 * 1024 ** 2;

const notFound = () =>
	new PjasError('LINK_NOT_FOUND', 'This link leads nowhere: it is wrong, too old, or was taken back');
const exhausted = () => new PjasError('LINK_EXHAUSTED', 'This link was used as often as it may be. Ask for another');

const countedBytesOf = ({sizeBytes}: FileRecord) => Math.max(1, sizeBytes);

/** How many whole downloads a link has served. */
export const downloadsOf = (link: LinkRecord, file: FileRecord): number =>
	Math.floor(link.sentBytes / countedBytesOf(file));

export const createShareLinks = ({
	catalog,
	accounts,
	passwords,
	tryLimits,
	clock,
	random,
}: ShareLinksOptions): ShareLinks => {
	const isOpen = ({expiresAt}: LinkRecord) => expiresAt > clock.now();

	const open: ShareLinks['open'] = async createdBy => {
		const found: LinkRecord[] = [];
		for (const link of await catalog.allSmall('link')) {
			if (createdBy !== undefined && link.createdBy !== createdBy) continue;
			if (isOpen(link) && (await catalog.getFile(link.file))) found.push(link);
			else await catalog.removeSmall('link', link._id);
		}

		return found;
	};

	const mostBytesOf = ({mostDownloads}: LinkRecord, file: FileRecord) =>
		(mostDownloads ?? Infinity) * countedBytesOf(file);

	return {
		async create({file, createdBy, expiresInMs, password, mostDownloads}) {
			if ((await open(createdBy)).length >= MOST_LINKS) {
				throw new PjasError('INVALID_REQUEST', `You have ${MOST_LINKS} links: take some back first`);
			}

			const secret = newSecret('link', random);
			const now = clock.now();
			const record = await catalog.putSmall('link', {
				_id: hashOf(secret),
				file,
				createdBy,
				createdAt: now,
				expiresAt: now + expiresInMs,
				...(password !== undefined && {passwordHash: await passwords.hash(password)}),
				...(mostDownloads !== undefined && {mostDownloads}),
				sentBytes: 0,
				revision: 0,
			});
			return {record, secret};
		},
		open,
		async revoke(shortId, by) {
			const found = (await open(by)).find(({_id}) => shortIdOf(_id) === shortId);
			if (!found || !(await catalog.removeSmall('link', found._id))) throw notFound();
			return found;
		},
		async follow(secret, {password, address}) {
			const link = isSecret('link', secret) && (await catalog.getSmall('link', hashOf(secret)));
			if (!link || !isOpen(link)) throw notFound();
			const file = await catalog.getFile(link.file);
			if (!file || file.trashed || !(await accounts.active(link.createdBy))) throw notFound();
			if (link.passwordHash !== undefined) {
				const {_id, passwordHash} = link;
				const isRight =
					password !== undefined &&
					(await tried(tryLimits, {account: `link:${_id}`, address}, async () =>
						(await passwords.verify(passwordHash, password)) ? true : undefined,
					));
				if (!isRight) throw new PjasError('LINK_PASSWORD_NEEDED', 'This link has a password, and that was not it');
			}

			if (link.sentBytes >= mostBytesOf(link, file)) throw exhausted();
			return {link, file};
		},
		allowanceOf({link, file}) {
			if (link.mostDownloads === undefined) return undefined;
			const resent = Math.min(MOST_RESENT_BYTES, Math.floor(countedBytesOf(file) / 2));
			const limit = mostBytesOf(link, file) + resent;
			return {
				async take(sizeBytes) {
					const counted = Math.max(1, sizeBytes);
					const change = (stored: LinkRecord) =>
						stored.sentBytes + counted > limit ? undefined : {...stored, sentBytes: stored.sentBytes + counted};
					if (!(await changeSmall(catalog, 'link', link._id, change))) throw exhausted();
				},
				async giveBack(sizeBytes) {
					await changeSmall(catalog, 'link', link._id, stored => ({
						...stored,
						sentBytes: Math.max(0, stored.sentBytes - sizeBytes),
					}));
				},
			};
		},
	};
};
