/// What a dataset version gives to a verification.
package enum DatasetLayout: Sendable, Hashable {
    /// One `.npz` archive of inputs and labels, and what describes it if there is such a file.
    case archive(VersionFile, description: VersionFile?)
    /// Recorded inputs and outputs by name: `test_data_set_0/input_0.pb`, `test_data_set_0/output_0.pb` …
    case recorded([String: VersionFile])

    /// Files of recorded sets above which a version is refused.
    package static let recordedFilesMax = 2_000

    /// Chooses the files of a version that are read; `name` names the version. The failure is `invalid-dataset`.
    package init(files: [VersionFile], of name: String) throws(VerificationReport.FailureError) {
        let archives = files.filter { $0.path.hasSuffix(".npz") }
        let recorded = files.compactMap { file in Self.recordedName(of: file.path).map { ($0, file) } }
        switch (archives.count, recorded.count) {
        case (1, 0): self = .archive(archives[0], description: try Self.description(of: archives[0], among: files))
        case (0, 1...Self.recordedFilesMax):
            let byName = Dictionary(recorded, uniquingKeysWith: { first, _ in first })
            guard byName.count == recorded.count else {
                throw Self.failure("\(name) has two folders with the same recorded sets")
            }
            guard byName.keys.allSatisfy(Self.isWithinNumbers) else {
                throw Self.failure("\(name) numbers sets from 1000 on, or the files of one from 100 on")
            }
            self = .recorded(byName)
        case (0, 0):
            let paths = files.prefix(3).map { Printable.quote($0.path, limit: 80) }.joined(separator: ", ")
            throw Self.failure(
                "\(name) has no .npz archive and no test_data_set_0 folder; "
                    + "of other files (\(paths)) none is read as data")
        case (0, _): throw Self.failure("\(name) has over \(Self.recordedFilesMax) recorded files")
        case (_, 0): throw Self.failure("\(name) has \(archives.count) .npz files, one is needed")
        default: throw Self.failure("\(name) has both an .npz archive and recorded sets, one of the two is needed")
        }
    }

    /// All files that are read; recorded ones in the order of their names.
    package var files: [VersionFile] {
        switch self {
        case .archive(let file, let description): [file] + (description.map { [$0] } ?? [])
        case .recorded(let files): files.sorted { $0.key < $1.key }.map(\.value)
        }
    }

    /// The description beside an archive.
    private static func description(
        of archive: VersionFile, among files: [VersionFile]
    ) throws(VerificationReport.FailureError) -> VersionFile? {
        let folder = archive.path.utf8.lastIndex(of: UInt8(ascii: "/")).map { archive.path.utf8[...$0] }
        let path = Array(folder ?? "".utf8[...]) + Array(DatasetDescription.fileName.utf8)
        guard let file = files.first(where: { $0.path.utf8.elementsEqual(path) }) else { return nil }
        guard file.size <= Int64(DatasetDescription.bytesMax) else {
            throw failure("\(Printable.quote(file.path, limit: 80)) has over \(DatasetDescription.bytesMax) bytes")
        }
        return file
    }

    private static func failure(_ message: String) -> VerificationReport.FailureError {
        VerificationReport.FailureError("invalid-dataset", message)
    }

    /// `test_data_set_0/input_0.pb` of a path that ends so; nil of any other.
    private static func recordedName(of path: String) -> String? {
        let parts = path.split(separator: "/").suffix(2).map(String.init)
        guard parts.count == 2, isNumbered(parts[0], "test_data_set_", ""),
            isNumbered(parts[1], "input_", ".pb") || isNumbered(parts[1], "output_", ".pb")
        else { return nil }
        return parts.joined(separator: "/")
    }

    /// Whether the number of the set has three digits at most, and that of the file two: more are not looked for.
    private static func isWithinNumbers(_ name: String) -> Bool {
        let digits = name.split(separator: "/").map { part in part.utf8.count { (48...57).contains($0) } }
        return digits[0] <= 3 && digits[1] <= 2
    }

    /// Whether a name is a number without leading zeros between two texts.
    private static func isNumbered(_ name: String, _ prefix: String, _ suffix: String) -> Bool {
        guard name.hasPrefix(prefix), name.hasSuffix(suffix) else { return false }
        let digits = name.dropFirst(prefix.count).dropLast(suffix.count)
        return (1...6).contains(digits.utf8.count)
            && digits.utf8.allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains)
            && (digits == "0" || !digits.hasPrefix("0"))
    }
}
