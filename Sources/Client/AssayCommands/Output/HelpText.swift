import ArgumentParser

/// What the parser has to say, in the form that help has here.
enum HelpText {
    /// The narrowest that help is set: each line of an example fits, and a narrower terminal folds it without a break.
    static let widthMin = 80

    /// The text of help, of the version, of completions, or of a fault; `width` is that of the terminal, if any.
    static func message(for error: any Error, width: Int?) -> String {
        arranged(Assay.fullMessage(for: error, columns: width.map { max(widthMin, $0) }))
    }

    /// The same with the options behind the arguments in the line of usage, as they stand in examples.
    private static func arranged(_ text: String) -> String {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            guard ["USAGE: ", "Usage: "].contains(where: line.hasPrefix),
                let options = line.firstRange(of: " [<options>]")
            else { return String(line) }
            return "\(line[..<options.lowerBound])\(line[options.upperBound...])\(line[options])"
        }
        return lines.joined(separator: "\n")
    }
}
