declare module 'mime-types' {
	const types: {
		/** The media type that goes with the extension of a name. */
		lookup: (name: string) => string | false;
	};
	export default types;
}
