import {readFile} from 'node:fs/promises';
import path from 'node:path';
import {z} from 'zod';
import {alertCodes, alertSeverities} from '../../../source/protocol/alerts-api.js';
import type {NodeId} from '../../../source/protocol/ids.js';
import type {Alert} from '../../core/alerts.js';
import type {Log} from '../../ports/log.js';
import {writeSmallFile} from '../small-file.js';

/**
Which alerts are open, and what webhooks are still to be told: `alerts.json` in the data folder, mode 0600. Both are bounded,
so it is written whole.
*/
export const ALERTS_FILE = 'alerts.json';

/** Something that a receiver is still to be told. */
export type Delivery = {
	/** The same at each try. */
	id: string;
	/** Whom, by the SHA-256 of its URL, which may hold a secret. */
	to: string;
	/** The alert that it is about. */
	about: string;
	body: string;
	createdAt: number;
	tries: number;
	/** When it is tried next. */
	dueAt: number;
};

export type AlertRecord = {open: Alert[]; deliveries: Delivery[]};

const deliverySchema = z.object({
	id: z.string(),
	to: z.string(),
	about: z.string(),
	body: z.string(),
	createdAt: z.number(),
	tries: z.number().int(),
	dueAt: z.number(),
});

const alertSchema = z.object({
	id: z.string(),
	code: z.enum(alertCodes),
	node: z
		.string()
		.transform(text => text as NodeId)
		.optional(),
	severity: z.enum(alertSeverities),
	text: z.string(),
	remedy: z.string(),
	openedAt: z.number(),
});

const fileSchema = z.object({version: z.literal(1), open: z.array(alertSchema), deliveries: z.array(deliverySchema)});

const nothing: AlertRecord = {open: [], deliveries: []};

export type AlertFile = {
	read: () => Promise<AlertRecord>;
	/** Durable when it returns. */
	write: (record: AlertRecord) => Promise<void>;
};

/** What can't be read is as if nothing were open: it is looked anew, and what is wrong is told again. */
export const alertFile = ({folder, log}: {folder: string; log: Log}): AlertFile => ({
	async read() {
		try {
			const {open: alerts, deliveries} = fileSchema.parse(
				JSON.parse(await readFile(path.join(folder, ALERTS_FILE), 'utf8')),
			);
			const kept = alerts.map(({node, ...alert}): Alert => ({...alert, ...(node !== undefined && {node})}));
			return {open: kept, deliveries};
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
				log.warn(`${ALERTS_FILE} can't be read: alerts that are open are opened again, what waited is not delivered`, {
					error,
				});
			}

			return nothing;
		}
	},
	write: async record => writeSmallFile(folder, ALERTS_FILE, `${JSON.stringify({version: 1, ...record})}\n`),
});
