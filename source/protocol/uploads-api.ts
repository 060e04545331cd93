import {z} from 'zod';

/** The header in which an answer about an upload that is whole says what became of it, as JSON. */
export const UPLOADED_HEADER = 'PJAS-Uploaded';

export const uploadedHeaderSchema = z.object({
	chunks: z.number().int().nonnegative(),
	size: z.number().int().nonnegative(),
	/** SHA-256 over the SHA-256s of its chunks, where the coordinator knows it. */
	chunks_sha256: z.string().optional(),
	redundancy: z.object({wanted: z.number().int(), lowest: z.number().int()}),
});
export type UploadedHeader = z.infer<typeof uploadedHeaderSchema>;

/** The header in which a download says the sum of the whole file, where the coordinator knows it. */
export const CHUNKS_SHA256_HEADER = 'PJAS-Chunks-SHA256';
