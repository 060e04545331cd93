export type Kind = 'image' | 'video' | 'audio' | 'pdf' | 'text';

const byEnding: Record<Kind, readonly string[]> = {
	image: ['png', 'jpg', 'jpeg', 'gif', 'webp', 'avif', 'svg', 'bmp', 'ico'],
	video: ['mp4', 'm4v', 'webm', 'mov', 'ogv'],
	audio: ['mp3', 'm4a', 'aac', 'ogg', 'oga', 'opus', 'wav', 'flac'],
	pdf: ['pdf'],
	text: [
		'txt',
		'md',
		'csv',
		'tsv',
		'log',
		'json',
		'xml',
		'yaml',
		'yml',
		'ini',
		'toml',
		'html',
		'css',
		'js',
		'ts',
		'sh',
		'py',
	],
};

const kinds = Object.keys(byEnding) as Kind[];
const textTypes = /^(text\/|application\/(json|xml|javascript|x-sh|x-yaml)$)/;

/** How a file can be shown, by the type that it was uploaded with, else by its name; `undefined` where it can't be. */
export const kindOf = (type: string, name: string): Kind | undefined => {
	const [main] = type.split('/');
	if (main === 'image' || main === 'video' || main === 'audio') return main;
	if (type === 'application/pdf') return 'pdf';
	if (textTypes.test(type)) return 'text';
	if (type !== 'application/octet-stream') return undefined;
	const ending = /\.([^./]+)$/.exec(name)?.[1]?.toLowerCase();
	return ending === undefined ? undefined : kinds.find(kind => byEnding[kind].includes(ending));
};
