import {CHUNK_SIZE_BYTES} from '../../../source/protocol/chunking.js';
import {PjasError} from '../../../source/protocol/errors.js';
import type {FileId} from '../../../source/protocol/ids.js';
import {SEAL_KEY_BYTES, SEAL_TAG_BYTES} from '../../../source/protocol/seal.js';
import type {UploadRecord} from '../../core/model.js';
import type {Worker} from '../../ports/worker.js';
import type {Note} from '../note.js';
import type {Remover} from '../remover.js';
import {type Kept, receiveBytes, type ReceiveOptions, type Receiving} from './receive.js';
import {createUploadLocks, type UploadLocks} from './upload-locks.js';

type UnfinishedOptions = Omit<ReceiveOptions, 'discard' | 'chunkSizeBytes'> & {
	remover: Pick<Remover, 'discard' | 'sweepFile'>;
	note: Note;
	/** Another size for chunks than everybody's, for tests. */
	chunkSizeBytes?: number | undefined;
	/** How long an upload may rest before it is given up. */
	keepMs: number;
};

export type NewUpload = Pick<UploadRecord, '_id' | 'name' | 'type' | 'e2e' | 'owner' | 'visibility' | 'metadata'> & {
	sizeBytes?: number | undefined;
};

/** Uploads that can be gone on with. The worker gives up those that rested for too long. */
export type Unfinished = Worker & {
	locks: UploadLocks;
	/** Throws `TOO_MANY_REQUESTS` where its owner has more of them than anybody needs. */
	begin: (upload: NewUpload) => Promise<UploadRecord>;
	/** @throws {PjasError} `UPLOAD_EXPIRED` */
	find: (id: FileId) => Promise<UploadRecord | undefined>;
	/** When it is given up unless it gets further. */
	expiresAt: (upload: UploadRecord) => number;
	/** Says how large it will be, of an upload that said nothing of it. */
	declareLength: (upload: UploadRecord, sizeBytes: number) => Promise<UploadRecord>;
	/** Only while one has its lock. */
	receive: (receiving: Receiving) => Promise<Kept>;
	/** Removes what there is of it. Only while one has its lock. */
	cancel: (upload: UploadRecord) => Promise<void>;
	/** When the oldest request that is under way began. */
	oldest: () => number | undefined;
};

/** Each costs a record; an account with so many has a client that begins anew and never goes on. */
const MOST_OF_ONE = 10_000;
const UPLOADS_A_STEP = 100;

export const createUnfinished = (options: UnfinishedOptions): Unfinished => {
	const {catalog, masterKey, clock, random, writer, remover, note, keepMs} = options;
	const {chunkSizeBytes = CHUNK_SIZE_BYTES} = options;
	const locks = createUploadLocks(clock);
	const underWay = new Map<symbol, number>();
	const receiveOptions: ReceiveOptions = {...options, chunkSizeBytes, discard: remover.discard};
	const expiresAt: Unfinished['expiresAt'] = ({changedAt}) => changedAt + keepMs;

	const cancel: Unfinished['cancel'] = async ({_id}) => {
		if (await catalog.removeSmall('upload', _id)) await remover.sweepFile(_id);
	};

	const giveUp = async (upload: UploadRecord) => {
		await cancel(upload);
		const text = `Upload of ${JSON.stringify(upload.name)} was not gone on with for too long, and is given up`;
		note('INFO', text, {file: upload._id, owner: upload.owner});
	};

	/** Somebody may just begin to go on with it, who then finds nothing. */
	const sweep = async (id: FileId) => {
		const release = await locks.take(id, () => undefined);
		try {
			const upload = await catalog.getSmall('upload', id);
			if (upload && expiresAt(upload) <= clock.now()) await giveUp(upload);
		} finally {
			release();
		}
	};

	return {
		name: 'unfinished uploads',
		locks,
		async begin({sizeBytes, ...upload}) {
			if (catalog.countUploads(upload.owner) >= MOST_OF_ONE) {
				const problem = `There are ${MOST_OF_ONE} unfinished uploads of yours. Go on with them, or end some`;
				throw new PjasError('TOO_MANY_REQUESTS', problem, {retryAfterSeconds: 3600});
			}

			writer.assertRoom(Math.min(sizeBytes ?? chunkSizeBytes, chunkSizeBytes) + SEAL_TAG_BYTES);
			const now = clock.now();
			return catalog.putSmall('upload', {
				...upload,
				...(sizeBytes !== undefined && {sizeBytes}),
				wrappedKey: masterKey.wrap(upload._id, random.bytes(SEAL_KEY_BYTES)),
				offsetBytes: 0,
				createdAt: now,
				changedAt: now,
				revision: 0,
			});
		},
		async find(id) {
			const upload = await catalog.getSmall('upload', id);
			if (!upload || expiresAt(upload) > clock.now()) return upload;
			throw new PjasError('UPLOAD_EXPIRED', 'This upload rested for too long and was given up. Begin it anew');
		},
		expiresAt,
		declareLength: async (upload, sizeBytes) => catalog.advanceUpload({...upload, sizeBytes}, []),
		async receive(receiving) {
			const mark = Symbol('request');
			underWay.set(mark, clock.now());
			try {
				return await receiveBytes(receiveOptions, receiving);
			} finally {
				underWay.delete(mark);
			}
		},
		cancel,
		// They stand in the order in which they began.
		oldest: () => underWay.values().next().value,
		async step(signal) {
			const due = (await catalog.allSmall('upload')).filter(upload => expiresAt(upload) <= clock.now());
			for (const {_id} of due.slice(0, UPLOADS_A_STEP)) {
				if (signal.aborted) return 'idle';
				if (!locks.isTaken(_id)) await sweep(_id);
			}

			return due.length > UPLOADS_A_STEP ? 'busy' : 'idle';
		},
	};
};
