import AssayDomain
import Glibc

/// Which files of a folder stay behind, as people say it: the patterns of git's ignore files.
///
/// The last pattern that fits decides, `!` takes a file back in, and what lies in a folder that stays behind stays
/// behind with it. A pattern with a slash before its end is held against the path from the folder, one without against
/// names at any depth; a slash at its end fits folders alone; `**` stands for any folders. Source: gitignore(5).
struct IgnorePatterns {
    static let fileName = ".assayignore"
    static let bytesMax = 64 << 10
    private static let patternsMax = 1_000
    private static let componentsMax = 64
    /// What `fnmatch` gives for a name that fits.
    private static let isMatch: Int32 = 0

    private struct Pattern {
        let components: [String]
        let isNegated: Bool
        let isFolderOnly: Bool
    }

    private var patterns: [Pattern] = []

    init() {}

    /// Patterns a line each; blank lines and those that begin with `#` say nothing. Throws `too-many-entries`.
    init(lines: [String]) throws(AssayError) {
        for line in lines {
            guard let pattern = try Self.pattern(line) else { continue }
            patterns.append(pattern)
        }
        guard patterns.count <= Self.patternsMax else {
            throw AssayError(.tooManyEntries, "there are over \(Self.patternsMax) patterns of files that stay behind")
        }
    }

    /// The patterns of a file and those behind them, which come last and so decide.
    func adding(_ later: IgnorePatterns) -> IgnorePatterns {
        var sum = self
        sum.patterns += later.patterns
        return sum
    }

    /// Whether what lies at a path from the folder stays behind.
    func leavesOut(_ path: String, isFolder: Bool) -> Bool {
        guard !patterns.isEmpty else { return false }
        let components = path.pathComponents.map(String.init)
        let deciding = patterns.last { pattern in
            (isFolder || !pattern.isFolderOnly) && Self.fits(pattern.components[...], components[...])
        }
        return deciding.map { !$0.isNegated } ?? false
    }

    /// Whether a file is one of those that the patterns name: itself, or by a folder that it lies in.
    func name(_ path: String) -> Bool {
        if leavesOut(path, isFolder: false) { return true }
        return path.utf8.indices.contains { place in
            path.utf8[place] == UInt8(ascii: "/") && leavesOut(String(path[..<place]), isFolder: true)
        }
    }

    private static func pattern(_ line: String) throws(AssayError) -> Pattern? {
        var text = Substring(line)
        if text.hasSuffix("\r") { text.removeLast() }
        // A blank at the end counts only behind a backslash.
        while text.hasSuffix(" "), !text.hasSuffix("\\ ") { text.removeLast() }
        guard !text.isEmpty, !text.hasPrefix("#") else { return nil }
        let isNegated = text.hasPrefix("!")
        if isNegated { text.removeFirst() }
        let isFolderOnly = text.hasSuffix("/")
        if isFolderOnly { text.removeLast() }
        let isAnchored = text.contains("/")
        var components = text.split(separator: "/").map(String.init)
        guard !components.isEmpty else { return nil }
        guard components.count <= componentsMax else {
            throw AssayError(.usage, "a pattern of files that stay behind has over \(componentsMax) folders")
        }
        if !isAnchored { components.insert("**", at: 0) }
        return Pattern(components: components, isNegated: isNegated, isFolderOnly: isFolderOnly)
    }

    private static func fits(_ pattern: ArraySlice<String>, _ names: ArraySlice<String>) -> Bool {
        // Up to which of the names what was read of the pattern may stand for them; there are few of both.
        var ends: Set<Int> = [names.startIndex]
        for (index, component) in zip(pattern.indices, pattern) {
            if component == "**" {
                // At the end it stands for what lies in a folder, and not for the folder.
                let least = index == pattern.endIndex - 1 ? 1 : 0
                guard let first = ends.min(), first + least <= names.endIndex else { return false }
                ends = Set(first + least...names.endIndex)
            } else {
                let fitting = ends.filter { $0 < names.endIndex && fnmatch(component, names[$0], 0) == isMatch }
                ends = Set(fitting.map { $0 + 1 })
            }
            if ends.isEmpty { return false }
        }
        return ends.contains(names.endIndex)
    }
}
