import {type SubmitEvent, useCallback, useEffect, useState} from 'react';
import {escapeControls} from '../../protocol/escape.js';
import {LINK_PASSWORD_HEADER, writeLinkPassword} from '../../protocol/link-password.js';
import {type SharedFile, sharedFileSchema} from '../../protocol/people-api.js';
import {formatSize} from '../../format.js';
import {addressOf, call, isApiError} from '../api.js';
import {fetchBlob, type FileSource, save} from '../fetch-file.js';
import {textOf} from '../form-text.js';
import {kindOf} from '../model/kind.js';
import {later} from './later.js';
import {Field, Icon, Problem, Waiting} from './parts.js';
import {exactDate} from './words.js';

const Preview = later(async () => import('./preview.js'));

const secretOf = (path: string): string => path.split('/')[2] ?? '';

const sourceOf = (secret: string, password: string | undefined): FileSource => ({
	address: addressOf('sharedDownload', secret),
	...(password !== undefined && {headers: {[LINK_PASSWORD_HEADER]: writeLinkPassword(password)}}),
});

type FoundProps = {file: SharedFile; secret: string; password: string | undefined};

/** On demand only: a link may be good for so many downloads, and to show a file is one. */
const Look = ({file, secret, password}: FoundProps) => {
	const [isShown, setIsShown] = useState(false);
	const kind = kindOf(file.type, file.filename);
	if (!kind) return null;
	if (!isShown) {
		return (
			<button type="button" onClick={() => setIsShown(true)}>
				Show it here
			</button>
		);
	}

	return <Preview name={file.filename} size={file.size} kind={kind} source={sourceOf(secret, password)} />;
};

/** A browser's own download can't send a password, so the page fetches the file, and the browser keeps it until it is saved. */
const Download = ({file, secret, password}: FoundProps) => {
	const [isBusy, setIsBusy] = useState(false);
	const [problem, setProblem] = useState<unknown>();
	if (password === undefined) {
		return (
			<a className="button main" href={addressOf('sharedDownload', secret)} download>
				<Icon name="download" />
				Download
			</a>
		);
	}

	const fetchAndSave = () => {
		setIsBusy(true);
		setProblem(undefined);
		fetchBlob(sourceOf(secret, password))
			.then(blob => save(blob, file.filename), setProblem)
			.finally(() => setIsBusy(false));
	};
	return (
		<>
			{problem !== undefined && <Problem error={problem} />}
			<button type="button" className="main" disabled={isBusy} onClick={fetchAndSave}>
				<Icon name="download" />
				{isBusy ? 'Downloading…' : 'Download'}
			</button>
		</>
	);
};

const Found = ({file, secret, password}: FoundProps) => (
	<>
		<h1>{file.e2e ? 'A file that is sealed end to end' : escapeControls(file.filename)}</h1>
		<p>
			{formatSize(file.size)}. This link works until {exactDate(file.expires_at)}.
		</p>
		{file.e2e ? (
			<p className="hint">
				Its key stands in the link, and this page can’t use it yet. Open it with <code>pjas-tui download</code> and the
				whole link.
			</p>
		) : (
			<>
				<Download file={file} secret={secret} password={password} />
				<Look file={file} secret={secret} password={password} />
			</>
		)}
	</>
);

const AskPassword = ({problem, onPassword}: {problem: unknown; onPassword: (password: string) => void}) => {
	const submit = (event: SubmitEvent<HTMLFormElement>) => {
		event.preventDefault();
		onPassword(textOf(new FormData(event.currentTarget), 'password'));
	};
	return (
		<form onSubmit={submit}>
			<h1>A password is needed</h1>
			<p>Whoever gave you this link has it.</p>
			<Field label="Password">
				{({id}) => (
					<input id={id} name="password" type="password" autoComplete="off" required autoFocus maxLength={256} />
				)}
			</Field>
			{problem !== undefined && <Problem error={problem} />}
			<button type="submit" className="main">
				Open
			</button>
		</form>
	);
};

/** What a link leads to, for whoever has it. */
const Shared = () => {
	const secret = secretOf(window.location.pathname);
	const [file, setFile] = useState<SharedFile>();
	const [password, setPassword] = useState<string>();
	const [problem, setProblem] = useState<unknown>();
	const needsPassword = isApiError(problem, 'LINK_PASSWORD_NEEDED');

	const look = useCallback(
		(tried?: string) => {
			const headers = tried === undefined ? {} : {[LINK_PASSWORD_HEADER]: writeLinkPassword(tried)};
			setPassword(tried);
			call('sharedFile', sharedFileSchema, {id: secret, headers}).then(found => {
				setProblem(undefined);
				setFile(found);
			}, setProblem);
		},
		[secret],
	);
	useEffect(() => look(), [look]);

	return (
		<main className="middle">
			<div className={file ? 'card narrow shared' : 'card narrow'}>
				{file && <Found file={file} secret={secret} password={password} />}
				{!file && problem === undefined && <Waiting what="Opening the link" />}
				{!file && needsPassword && (
					<AskPassword problem={password === undefined ? undefined : problem} onPassword={look} />
				)}
				{!file && problem !== undefined && !needsPassword && (
					<>
						<h1>This link leads nowhere</h1>
						<Problem error={problem} again={() => look(password)} />
					</>
				)}
			</div>
		</main>
	);
};

export default Shared;
