/// The lines of a Swift file taken apart, so that a word in a comment or in a text is not taken for code.
struct SwiftCode {
    struct Line {
        /// The line without comments and without the content of texts.
        var code = ""
        /// The line without comments.
        var codeAndText = ""
        var comment = ""

        var isComment: Bool { code.allSatisfy(\.isWhitespace) && !comment.isEmpty }
    }

    let lines: [Line]

    init(_ file: TextFile) {
        var isInBlock = false
        lines = file.lines.map { Self.split($0, isInBlock: &isInBlock) }
    }

    /// `isInBlock` says whether the line begins, and then whether the next one begins, within a `"""` text.
    private static func split(_ text: String, isInBlock: inout Bool) -> Line {
        var line = Line()
        var rest = text[...]
        var isInText = false
        while let character = rest.first {
            if rest.hasPrefix("\"\"\""), !isInText {
                isInBlock.toggle()
                line.codeAndText += "\"\"\""
                rest = rest.dropFirst(3)
            } else if isInText || isInBlock {
                let length = character == "\\" ? 2 : 1
                line.codeAndText += rest.prefix(length)
                rest = rest.dropFirst(length)
                if character == "\"", isInText { isInText = false }
            } else if rest.hasPrefix("//") {
                line.comment = String(rest)
                return line
            } else {
                if character == "\"" { isInText = true }
                line.code.append(character)
                line.codeAndText.append(character)
                rest = rest.dropFirst()
            }
        }
        return line
    }
}

extension String {
    /// Whether the text stands in the line and is not the end of a longer name.
    func containsWord(_ text: String) -> Bool {
        var rest = self[...]
        while let range = rest.firstRange(of: text) {
            let before = self[..<range.lowerBound].last
            if before.map({ !($0.isLetter || $0.isNumber || $0 == "_" || $0 == ".") }) ?? true { return true }
            rest = rest[range.upperBound...]
        }
        return false
    }
}
