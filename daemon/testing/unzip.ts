/** What is in a zip, by its directory (APPNOTE.TXT, sections 4.3.7 and 4.3.12); what is compressed is an error. */
export const unzip = (zip: Buffer): Map<string, Buffer> => {
	const files = new Map<string, Buffer>();
	const end = zip.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
	let at = zip.readUInt32LE(end + 16);
	for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
		if (zip.readUInt16LE(at + 10) !== 0) throw new Error('compressed');
		const sizeBytes = zip.readUInt32LE(at + 24);
		const [nameLength, extraLength, commentLength] = [28, 30, 32].map(offset => zip.readUInt16LE(at + offset)) as [
			number,
			number,
			number,
		];
		const start = zip.readUInt32LE(at + 42);
		const from = start + 30 + zip.readUInt16LE(start + 26) + zip.readUInt16LE(start + 28);
		files.set(zip.toString('utf8', at + 46, at + 46 + nameLength), zip.subarray(from, from + sizeBytes));
		at += 46 + nameLength + extraLength + commentLength;
	}

	return files;
};
