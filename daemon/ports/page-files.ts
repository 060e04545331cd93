/** One file of the web page, in every form in which it is sent. */
export type PageFile = {
	/** Of its name, with the dot: tells its media type. */
	extension: string;
	/** Strong: of these bytes and no others. */
	etag: string;
	/** By content coding; those that were made when the page was built. */
	bodies: {identity: Uint8Array} & Partial<Record<'br' | 'gzip', Uint8Array>>;
};

/** The files of the web page by their path in its folder, with `/`. */
export type PageFiles = ReadonlyMap<string, PageFile>;
