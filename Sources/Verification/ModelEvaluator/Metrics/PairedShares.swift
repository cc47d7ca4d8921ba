import EvaluationProtocol

/// Two models that are right or wrong on the same samples.
struct PairedShares {
    let count: Int
    /// Samples on which only the candidate is right.
    let n01: Int
    /// Samples on which only the baseline is right.
    let n10: Int

    init(count: Int, n01: Int, n10: Int) {
        self.count = count
        self.n01 = n01
        self.n10 = n10
    }

    init(candidate: [Bool], baseline: [Bool]) {
        count = candidate.count
        n01 = zip(candidate, baseline).count { $0 && !$1 }
        n10 = zip(candidate, baseline).count { !$0 && $1 }
    }

    /// The exact test: if neither model is better, each of the samples on which they differ falls to either with
    /// probability 1/2 (McNemar, 1947, with the binomial distribution in place of its approximation).
    var mcNemar: McNemarFigures {
        McNemarFigures(
            n01: n01, n10: n10, pWorse: Self.atLeast(n10, of: n01 + n10), pBetter: Self.atLeast(n01, of: n01 + n10))
    }

    /// The probability of at least so many heads in so many throws.
    private static func atLeast(_ heads: Int, of throwCount: Int) -> Double {
        guard heads > 0 else { return 1 }
        let whole = logarithmOfFactorial(throwCount) - Double(throwCount) * logarithm(2)
        let sum = (heads...throwCount).reduce(0.0) { sum, number in
            sum + exponential(whole - logarithmOfFactorial(number) - logarithmOfFactorial(throwCount - number))
        }
        return min(sum, 1)
    }

    /// The bounds of the difference of the two shares, candidate minus baseline, each holding with the confidence: the
    /// score interval for paired proportions (Tango, 1998, Statistics in Medicine 17, equation 2.4).
    func bound(confidence: Double) -> DifferenceBound {
        let z = normalQuantile(confidence)
        return DifferenceBound(
            confidence: confidence, lower: difference { score(at: $0) > z }, upper: difference { score(at: $0) > -z })
    }

    /// The place where the score, which falls as the difference grows, stops to be above a limit.
    private func difference(where isAbove: (Double) -> Bool) -> Double {
        var low = -1.0
        var high = 1.0
        for _ in 0..<100 {
            let middle = (low + high) / 2
            if isAbove(middle) { low = middle } else { high = middle }
        }
        return (low + high) / 2
    }

    /// How many standard errors the measured difference is above a supposed one.
    private func score(at difference: Double) -> Double {
        let (n, only, other) = (Double(count), Double(n01), Double(n10))
        let distance = only - other - n * difference
        let linear = -only - other + (2 * n - only + other) * difference
        let constant = -other * difference * (1 - difference)
        let root = max(linear * linear - 8 * n * constant, 0).squareRoot()
        // The likeliest share of samples on which only the baseline is right, given the supposed difference.
        let share = (root - linear) / (4 * n)
        let variance = n * (2 * share + difference * (1 - difference))
        guard variance > 0 else { return distance == 0 ? 0 : distance * .infinity }
        return distance / variance.squareRoot()
    }
}
