import ArgumentParser
import AssayDomain

/// What may become of a folder that a version is written into, and which of its files are wanted.
struct FolderOptions: ParsableArguments {
    @Option(
        name: .customLong("file"),
        help: ArgumentHelp(
            "Only files that this pattern of a .gitignore fits; may be repeated.", valueName: "pattern"))
    var patterns: [String] = []

    @Flag(help: "Replace files that have other content.")
    var force = false

    @Flag(help: "Remove everything from the folder that is no part of the version.")
    var deleteOthers = false

    var rules: FolderWriter.FolderRules {
        FolderWriter.FolderRules(isReplacing: force, isDeletingOthers: deleteOthers)
    }

    /// The files that are wanted. Throws `file-not-found` if there are none, and what patterns throw.
    func chosen(of files: [VersionFile]) throws(AssayError) -> [VersionFile] {
        guard !patterns.isEmpty else { return files }
        let wanted = try IgnorePatterns(lines: patterns)
        let chosen = files.filter { wanted.name($0.path) }
        guard !chosen.isEmpty else {
            let some = files.prefix(3).map { Printable.quote($0.path) }.joined(separator: ", ")
            throw AssayError(
                .fileNotFound,
                "no file of the version fits \(patterns.map { Printable.quote($0) }.joined(separator: ", "))",
                reason: "it has \(Figure.files(files.count)), such as \(some)",
                remedy: "assay show REF lists its files")
        }
        return chosen
    }
}

/// What people are told of a folder after a version was written into it.
enum FolderNotes {
    /// The most names that a notice has.
    private static let namesMax = 20

    /// `isSigned` says whether a signature lies in the folder, which `check` holds everything in it against.
    static func lines(
        of outcome: FolderWriter.Outcome, in folder: String, isSigned: Bool, isWhole: Bool
    ) -> [String] {
        var lines: [String] = []
        let place = Printable.quote(folder)
        if !outcome.removed.isEmpty {
            lines.append(
                "removed from \(place), as the version lacks what an earlier one had: \(names(outcome.removed))")
        }
        if !outcome.deleted.isEmpty { lines.append("removed from \(place): \(names(outcome.deleted))") }
        if !outcome.others.isEmpty {
            let count = outcome.others.count
            let next =
                isSigned ? "; assay check refuses the folder while \(count == 1 ? "it is" : "they are") there" : ""
            lines.append(
                "\(Figure.files(count)) in \(place) \(count == 1 ? "is" : "are") no part of the version: "
                    + "\(names(outcome.others))\(next); --delete-others removes \(count == 1 ? "it" : "them")")
        }
        if !isWhole {
            lines.append("these are not all files of the version, so no model.sig lies beside them")
        }
        return lines
    }

    private static func names(_ paths: [String]) -> String {
        paths.prefix(namesMax).map { Printable.quote($0) }.joined(separator: ", ")
            + (paths.count > namesMax ? " and \(paths.count - namesMax) more" : "")
    }
}
