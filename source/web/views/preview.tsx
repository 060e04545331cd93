import {useEffect, useState} from 'react';
import {fetchBlob, fetchText, type FileSource} from '../fetch-file.js';
import {formatSize} from '../../format.js';
import type {Kind} from '../model/kind.js';
import {Problem, Waiting} from './parts.js';

/** What is larger is not loaded for a look at it. */
const MOST_BLOB_BYTES = 100 * 1024 * 1024;
const MOST_TEXT_BYTES = 256 * 1024;

type PreviewProps = {name: string; size: number; kind: Kind; source: FileSource};

const useLoaded = <Value,>(load: (signal: AbortSignal) => Promise<Value>) => {
	const [value, setValue] = useState<Value>();
	const [problem, setProblem] = useState<unknown>();
	const [tries, setTries] = useState(0);
	useEffect(() => {
		const gone = new AbortController();
		setProblem(undefined);
		load(gone.signal).then(
			loaded => {
				if (!gone.signal.aborted) setValue(() => loaded);
			},
			(error: unknown) => {
				if (!gone.signal.aborted) setProblem(error);
			},
		);
		return () => gone.abort();
		// What is loaded is the same for as long as this is shown.
	}, [tries]);
	return {value, problem, again: () => setTries(tries + 1)};
};

const Text = ({name, size, source}: PreviewProps) => {
	const {value, problem, again} = useLoaded(async signal => fetchText(source, MOST_TEXT_BYTES, signal));
	if (problem !== undefined) return <Problem error={problem} again={again} />;
	if (value === undefined) return <Waiting what="Opening" />;
	return (
		<>
			<pre tabIndex={0} role="region" aria-label={`Text of ${name}`}>
				{value}
			</pre>
			{size > MOST_TEXT_BYTES && <p className="hint">This is the beginning. Download it to see the rest.</p>}
		</>
	);
};

/** An address that stands for bytes in the browser, with the type that we say: whatever was uploaded, it is no page. */
const useBlobAddress = (source: FileSource, type: string | undefined) => {
	const loaded = useLoaded(async signal => {
		const blob = await fetchBlob(source, signal);
		return URL.createObjectURL(type === undefined ? blob : new Blob([blob], {type}));
	});
	const {value} = loaded;
	useEffect(
		() => () => {
			if (value !== undefined) URL.revokeObjectURL(value);
		},
		[value],
	);
	return loaded;
};

const Pdf = ({name, source}: PreviewProps) => {
	const {value, problem, again} = useBlobAddress(source, 'application/pdf');
	if (problem !== undefined) return <Problem error={problem} again={again} />;
	return value === undefined ? <Waiting what="Opening" /> : <iframe src={value} title={name} />;
};

const Media = ({name, kind, address}: {name: string; kind: Kind; address: string}) => {
	const [isBroken, setIsBroken] = useState(false);
	const broken = () => setIsBroken(true);
	if (isBroken) return <p className="hint">This browser can’t show it. Download it to open it elsewhere.</p>;
	if (kind === 'image') return <img src={address} alt={name} onError={broken} />;
	if (kind === 'audio') return <audio src={address} controls preload="metadata" aria-label={name} onError={broken} />;
	return <video src={address} controls playsInline preload="metadata" aria-label={name} onError={broken} />;
};

const FetchedMedia = (props: PreviewProps) => {
	const {value, problem, again} = useBlobAddress(props.source, undefined);
	if (problem !== undefined) return <Problem error={problem} again={again} />;
	if (value === undefined) return <Waiting what="Opening" />;
	return <Media name={props.name} kind={props.kind} address={value} />;
};

/** Shows what is in a file. Films and sounds are fetched as they are played, from wherever somebody jumps to. */
const Preview = (props: PreviewProps) => {
	const {kind, size, source, name} = props;
	const isFetchedWhole = kind === 'pdf' || (kind !== 'text' && (source.headers ?? source.seal) !== undefined);
	if (size === 0) return <p className="hint">This file is empty.</p>;
	if (isFetchedWhole && size > MOST_BLOB_BYTES) {
		return <p className="hint">At {formatSize(size)} it is too large to be shown here. Download it.</p>;
	}

	return (
		<div className={`preview ${kind}`}>
			{kind === 'text' && <Text {...props} />}
			{kind === 'pdf' && <Pdf {...props} />}
			{kind !== 'text' && kind !== 'pdf' && isFetchedWhole && <FetchedMedia {...props} />}
			{kind !== 'text' && kind !== 'pdf' && !isFetchedWhole && (
				<Media name={name} kind={kind} address={source.address} />
			)}
		</div>
	);
};

export default Preview;
