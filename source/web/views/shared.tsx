import {type SubmitEvent, useCallback, useEffect, useState} from 'react';
import {PjasError} from '../../protocol/errors.js';
import {escapeControls} from '../../protocol/escape.js';
import {LINK_PASSWORD_HEADER, writeLinkPassword} from '../../protocol/link-password.js';
import {type SharedFile, sharedFileSchema} from '../../protocol/people-api.js';
import {formatSize} from '../../format.js';
import {addressOf, ApiError, call, isApiError, loadPart} from '../api.js';
import {fetchBlob, type FileSource, save} from '../fetch-file.js';
import {textOf} from '../form-text.js';
import {kindOf} from '../model/kind.js';
import {startSaving} from '../savings.js';
import {canSeal, NO_CRYPTOGRAPHY} from '../sealing.js';
import type {Seal} from '../sealed/open.js';
import {later} from './later.js';
import {Field, Icon, Problem, Waiting} from './parts.js';
import {SavingRows} from './saving-rows.js';
import {exactDate} from './words.js';

const Preview = later(async () => import('./preview.js'));

const secretOf = (path: string): string => path.split('/')[2] ?? '';

/** What a link leads to, for whoever has it all. `seal` is there where the link has a key. */
type FoundFile = SharedFile & {seal?: Seal};

const sourceOf = (secret: string, password: string | undefined, {seal}: FoundFile): FileSource => ({
	address: addressOf('sharedDownload', secret),
	...(password !== undefined && {headers: {[LINK_PASSWORD_HEADER]: writeLinkPassword(password)}}),
	...(seal && {seal}),
});

type FoundProps = {file: FoundFile; secret: string; password: string | undefined};

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

	return <Preview name={file.filename} size={file.size} kind={kind} source={sourceOf(secret, password, file)} />;
};

/** A browser's own download can't send a password, so the page fetches the file, and the browser keeps it until it is saved. */
const FetchedDownload = ({file, secret, password}: FoundProps) => {
	const [isBusy, setIsBusy] = useState(false);
	const [problem, setProblem] = useState<unknown>();
	const fetchAndSave = () => {
		setIsBusy(true);
		setProblem(undefined);
		fetchBlob(sourceOf(secret, password, file), new AbortController().signal)
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

const SealedDownload = ({file, secret, password}: FoundProps) => {
	const {filename: name, size: sizeBytes} = file;
	const source = sourceOf(secret, password, file);
	return (
		<>
			<button
				type="button"
				className="main"
				onClick={() => void startSaving({id: secret, name, sizeBytes, parts: [{name, sizeBytes, source}]})}
			>
				<Icon name="download" />
				Download
			</button>
			<SavingRows id={secret} />
		</>
	);
};

const Download = (props: FoundProps) => {
	const {file, secret, password} = props;
	if (file.seal) return <SealedDownload {...props} />;
	if (password !== undefined) return <FetchedDownload {...props} />;
	return (
		<a className="button main" href={addressOf('sharedDownload', secret)} download>
			<Icon name="download" />
			Download
		</a>
	);
};

const Found = (props: FoundProps) => {
	const {file} = props;
	return (
		<>
			<h1>{escapeControls(file.filename)}</h1>
			<p>
				{formatSize(file.size)}. This link works until {exactDate(file.expires_at)}.
				{file.seal && ' The file is sealed end to end, and is opened in this page.'}
			</p>
			<Download {...props} />
			<Look {...props} />
		</>
	);
};

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

/** Opens the name and the size of what is sealed end to end, with the key that stands behind the `#`. */
const openFound = async (file: SharedFile): Promise<FoundFile> => {
	const {hash} = window.location;
	if (!file.e2e && hash === '') return file;
	if (file.e2e && hash === '') {
		const problem =
			'The file is sealed end to end, and this link lacks its key. Copy all of it, also what stands behind the “#”.';
		throw new ApiError('FILE_KEY_MISSING', problem);
	}

	if (!canSeal()) throw new ApiError('OPERATION_UNSUPPORTED', `The file is sealed end to end. ${NO_CRYPTOGRAPHY}`);
	const {openShared} = await loadPart(async () => import('../sealed/open-shared.js'));
	return openShared(file, window.location.href);
};

const unopened = new Set(['FILE_KEY_MISSING', 'OPERATION_UNSUPPORTED', 'SEAL_BROKEN']);

/** Whether there is a file, which only can't be opened. */
const isUnopened = (error: unknown): boolean =>
	(error instanceof ApiError || error instanceof PjasError) && unopened.has(error.code);

/** What a link leads to, for whoever has it. */
const Shared = () => {
	const secret = secretOf(window.location.pathname);
	const [file, setFile] = useState<FoundFile>();
	const [password, setPassword] = useState<string>();
	const [problem, setProblem] = useState<unknown>();
	const needsPassword = isApiError(problem, 'LINK_PASSWORD_NEEDED');

	const look = useCallback(
		(tried?: string) => {
			const headers = tried === undefined ? {} : {[LINK_PASSWORD_HEADER]: writeLinkPassword(tried)};
			setPassword(tried);
			call('sharedFile', sharedFileSchema, {id: secret, headers})
				.then(openFound)
				.then(found => {
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
						<h1>{isUnopened(problem) ? 'This file can’t be opened' : 'This link leads nowhere'}</h1>
						<Problem error={problem} again={() => look(password)} />
					</>
				)}
			</div>
		</main>
	);
};

export default Shared;
