import Foundation

/// What documents and other texts must and must not say.
enum DocumentRules {
    // MARK: Links

    /// Relative links of a Markdown file that lead nowhere.
    static func deadLinks(in file: TextFile, paths: Set<String>) -> [Finding] {
        var isInFence = false
        return zip(1..., file.lines).flatMap { number, line -> [Finding] in
            if line.trimmingPrefix(while: { $0 == " " }).hasPrefix("```") { isInFence.toggle() }
            guard !isInFence else { return [] }
            return links(in: line).compactMap { link in
                guard let target = resolve(link, from: file.path), !paths.contains(target) else { return nil }
                return Finding(file.path, line: number, "the link '\(link)' leads nowhere")
            }
        }
    }

    /// The targets of the links in a line, code aside.
    static func links(in line: String) -> [String] {
        let pieces = line.split(separator: "`", omittingEmptySubsequences: false)
        // Code is cut out of a label, so that a label made of code is still a label.
        let text = pieces.enumerated().map { $0.offset.isMultiple(of: 2) ? String($0.element) : "" }.joined()
        return text.components(separatedBy: "](").dropFirst().compactMap { rest in
            rest.firstIndex(of: ")").map { String(rest[..<$0].prefix { $0 != " " }) }
        }
    }

    /// The path that a relative link means; nil for links to other places and within the same page.
    static func resolve(_ link: String, from path: String) -> String? {
        let target = link.prefix { $0 != "#" }
        guard !target.isEmpty, !target.contains(":") else { return nil }
        var parts = path.split(separator: "/").dropLast().map(String.init)
        for part in target.split(separator: "/") where part != "." {
            guard part == ".." else {
                parts.append(String(part))
                continue
            }
            // Above the root there is nothing that a checkout has.
            guard parts.popLast() != nil else { return String(target) }
        }
        return parts.joined(separator: "/")
    }

    // MARK: Machine paths

    /// Folders of one machine. They are put together here, so that this file does not find itself.
    private static let machineFolders = ["work", "home", "root", "opt"].map { "/\($0)/" }

    /// Absolute paths of the machine on which something was written.
    static func machinePaths(in file: TextFile) -> [Finding] {
        file.findings { _, line in
            machineFolders.first { folder in
                line.ranges(of: folder).contains { range in
                    line[..<range.lowerBound].last.map { !($0.isLetter || $0.isNumber || "_-.}~".contains($0)) } ?? true
                }
            }.map { "the path \($0) is of one machine" }
        }
    }

    // MARK: Targets and error codes

    /// Target folders that the page does not name on a line of its list.
    static func unnamedTargets(_ targets: Set<String>, in page: TextFile) -> [Finding] {
        targets.sorted().compactMap { target in
            page.lines.contains { $0.contains("`\(target)`") }
                ? nil : Finding(page.path, "the target \(target) is not named")
        }
    }

    /// The codes that a Swift file declares, each with its kind.
    static func declaredCodes(in file: TextFile) -> [String: String] {
        let declaration = #/ErrorCode\("([a-z0-9-]+)", \.`?([A-Za-z]+)`?\)/#
        return file.lines.reduce(into: [:]) { codes, line in
            guard let match = line.firstMatch(of: declaration) else { return }
            codes[String(match.1)] = String(match.2)
        }
    }

    /// The codes in the rows ``| `code` | kind | …`` of a page.
    static func documentedCodes(in page: TextFile) -> [String: String] {
        let row = #/^\| `([a-z0-9-]+)` \| ([A-Za-z]+) \|/#
        return page.lines.reduce(into: [:]) { codes, line in
            guard let match = line.firstMatch(of: row) else { return }
            codes[String(match.1)] = String(match.2)
        }
    }

    /// Codes that only one side has, or that the page gives another kind.
    static func codeDifferences(declared: [String: String], documented: [String: String], page: String) -> [Finding] {
        Set(declared.keys).union(documented.keys).sorted().compactMap { code in
            switch (declared[code], documented[code]) {
            case (let kind?, nil): Finding(page, "the code \(code) (\(kind)) is missing")
            case (nil, _?): Finding(page, "there is no code \(code)")
            case (let kind?, let stated?) where kind != stated: Finding(page, "\(code) is \(kind), not \(stated)")
            default: nil
            }
        }
    }
}
