import AssayDomain
import AssayRegistry
import Foundation
import Glibc

/// A folder that holds one evaluation's files and nothing else, so that a model that names files beside it finds none.
struct StagingFolder {
    private static let prefix = "evaluation-"

    private let path: String

    /// Makes a new folder that only its owner can look into.
    init(in parent: String) throws {
        try FileManager.default.createDirectory(
            atPath: parent, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        var template = Array("\(parent)/\(Self.prefix)XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw AssayError(
                .storageFailed, "no folder for an evaluation can be made", reason: "mkdtemp: errno \(errno)")
        }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Removes the folders of evaluations that ended with their process.
    static func removeAll(in parent: String) {
        let manager = FileManager.default
        for name in (try? manager.contentsOfDirectory(atPath: parent)) ?? [] where name.hasPrefix(prefix) {
            // A folder that cannot be removed takes space and nothing else.
            try? manager.removeItem(atPath: "\(parent)/\(name)")
        }
    }

    /// The path of a folder within it that a process may call its own; it stays empty.
    func makeFolder(_ name: String) throws -> String {
        let folder = "\(path)/\(name)"
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else { throw Self.failure("mkdir") }
        return folder
    }

    /// Gives a file a name in the folder: the same read-only file by another link, never a copy. The name is made of
    /// plain names, and the folders among them are made.
    func stage(_ file: String, as name: String) throws -> String {
        let parts = name.pathComponents
        guard !parts.contains(where: { part in ["", ".", ".."].contains { part.isExactly($0) } }) else {
            throw AssayError(.requestInvalid, "\(Printable.quote(name)) is no path within an evaluation's folder")
        }
        for count in 1..<max(1, parts.count) { _ = try makeFolder(parts[..<count].joined(separator: "/")) }
        let target = "\(path)/\(name)"
        guard link(file, target) == 0 else { throw Self.failure("link") }
        return target
    }

    /// Gives the files of a dataset their names: an archive, or a folder of recorded sets.
    func stage(_ dataset: DatasetFiles) throws -> String {
        switch dataset {
        // The description is read by the parent; the process has no use for it.
        case .archive(let file, _): return try stage(file, as: "dataset.npz")
        case .recorded(let files):
            for (name, file) in files { _ = try stage(file, as: "dataset/\(name)") }
            return "\(path)/dataset"
        }
    }

    private static func failure(_ call: String) -> AssayError {
        AssayError(
            .storageFailed, "a file of an evaluation cannot be staged",
            reason: "\(call): \(String(cString: strerror(errno)))",
            remedy: "the store's folder must be one file system that has hard links")
    }

    /// Removes the folder. What cannot be removed holds nothing that anyone relies on.
    func remove() { try? FileManager.default.removeItem(atPath: path) }
}
