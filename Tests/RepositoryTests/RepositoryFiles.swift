import Foundation
import Glibc

/// What a check found: a place and what is wrong there.
struct Finding: Hashable, CustomStringConvertible {
    let path: String
    /// Counted from 1; nil if the whole file is meant.
    let line: Int?
    let fault: String

    init(_ path: String, line: Int? = nil, _ fault: String) {
        self.path = path
        self.line = line
        self.fault = fault
    }

    var description: String { "\(path)\(line.map { ":\($0)" } ?? ""): \(fault)" }
}

/// A text file of the repository.
struct TextFile: Sendable {
    /// Relative to the root of the repository.
    let path: String
    let lines: [String]

    init(_ path: String, _ text: String) {
        self.path = path
        lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    var fileExtension: String {
        path.split(separator: "/").last?.split(separator: ".").dropFirst().last.map(String.init) ?? ""
    }

    func isBeneath(_ folder: String) -> Bool { path.hasPrefix(folder + "/") }

    /// One finding for every line that `fault` has something to say about.
    func findings(_ fault: (_ number: Int, _ line: String) -> String?) -> [Finding] {
        lines.enumerated().compactMap { position, line in
            fault(position + 1, line).map { Finding(path, line: position + 1, $0) }
        }
    }
}

/// The files of the repository as git would take them: what `.gitignore` names is left out.
struct RepositoryFiles: Sendable {
    /// The paths of all files and folders, links included, relative to the root.
    let paths: Set<String>
    let texts: [TextFile]

    /// The repository that this file lies in.
    static let current = Result { try RepositoryFiles(root: root) }

    private static var root: URL {
        URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    }

    private init(root: URL) throws {
        let gitignore = try String(contentsOf: root.appending(path: ".gitignore"), encoding: .utf8)
        let ignored = Self.ignoredNames(in: gitignore)
        var paths: Set<String> = []
        var texts: [TextFile] = []
        var folders = [""]
        while let folder = folders.popLast() {
            let names = try FileManager.default.contentsOfDirectory(atPath: root.appending(path: folder).path)
            for name in names where !Self.isIgnored(name, by: ignored) {
                let path = folder + name
                paths.insert(path)
                let full = root.appending(path: path).path
                switch try FileManager.default.attributesOfItem(atPath: full)[.type] as? FileAttributeType {
                case .typeDirectory?: folders.append(path + "/")
                case .typeRegular?: if let text = try Self.text(at: full) { texts.append(TextFile(path, text)) }
                default: break
                }
            }
        }
        self.paths = paths
        self.texts = texts.sorted { $0.path < $1.path }
    }

    /// The names that a `.gitignore` of plain patterns leaves out, and git's own folder.
    static func ignoredNames(in gitignore: String) -> [String] {
        [".git"] + gitignore.split(separator: "\n").map { $0.hasSuffix("/") ? String($0.dropLast()) : String($0) }
    }

    static func isIgnored(_ name: String, by patterns: [String]) -> Bool {
        patterns.contains { fnmatch($0, name, 0) == 0 }
    }

    /// The content of a file; nil if it is no text.
    private static func text(at path: String) throws -> String? {
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        guard !data.contains(0) else { return nil }
        return String(data: data, encoding: .utf8)
    }

    /// Files with one of these extensions.
    func texts(_ extensions: String...) -> [TextFile] { texts.filter { extensions.contains($0.fileExtension) } }

    /// The text of one file; throws if it is gone.
    func text(_ path: String) throws -> TextFile {
        guard let file = texts.first(where: { $0.path == path }) else { throw Missing(path: path) }
        return file
    }

    struct Missing: Error { let path: String }
}
