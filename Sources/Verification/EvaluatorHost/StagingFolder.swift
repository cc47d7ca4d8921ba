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

    /// Gives a file a name in the folder: the same read-only file by another link. The name is made of plain names, and
    /// the folders among them are made. A path of an open file (`/proc/self/fd/N`) stands for that file; one whose last
    /// name was taken meanwhile, as by a push that healed it, is copied.
    func stage(_ file: String, as name: String) throws -> String {
        let parts = name.pathComponents
        guard !parts.contains(where: { part in ["", ".", ".."].contains { part.isExactly($0) } }) else {
            throw AssayError(.requestInvalid, "\(Printable.quote(name)) is no path within an evaluation's folder")
        }
        for count in 1..<max(1, parts.count) { _ = try makeFolder(parts[..<count].joined(separator: "/")) }
        let target = "\(path)/\(name)"
        if linkat(AT_FDCWD, file, AT_FDCWD, target, AT_SYMLINK_FOLLOW) == 0 { return target }
        guard errno == ENOENT else { throw Self.failure("link") }
        try Self.copy(file, to: target)
        return target
    }

    private static let copyBytes = 1 << 20

    private static func copy(_ file: String, to target: String) throws {
        let source = open(file, O_RDONLY | O_CLOEXEC)
        guard source >= 0 else { throw failure("link") }
        defer { close(source) }
        let copy = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o400)
        guard copy >= 0 else { throw failure("open") }
        defer { close(copy) }
        while true {
            let count = sendfile(copy, source, nil, copyBytes)
            if count == 0 { return }
            guard count > 0 || errno == EINTR else { throw failure("sendfile") }
        }
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
