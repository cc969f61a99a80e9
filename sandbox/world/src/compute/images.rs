//! The machine images that there are: those that Beanstalk's platforms start from, one for each kind of processor.
//! Must know nothing of instances.

#[derive(Debug)]
pub struct Image {
    pub id: &'static str,
    /// `x86_64`, `arm64`.
    pub architecture: &'static str,
    pub name: &'static str,
}

const IMAGES: &[Image] = &[
    Image {
        id: "ami-0aa7d40eeae50c9a9",
        architecture: "x86_64",
        name: "aws-elasticbeanstalk-amzn-2023.12.20260831.64bit-eb_go1_amazon_linux_2023",
    },
    Image {
        id: "ami-0c101f26f147fa7fd",
        architecture: "arm64",
        name: "aws-elasticbeanstalk-amzn-2023.12.20260831.64bit-eb_go1_amazon_linux_2023-arm64",
    },
];

pub fn all() -> impl Iterator<Item = &'static Image> {
    IMAGES.iter()
}

/// The image with that id.
pub fn find(id: &str) -> Option<&'static Image> {
    all().find(|image| image.id == id)
}

/// The platform's image for one of the architectures that were asked for; for x86_64 where none was
/// (Beanstalk guide: using-features.managing.ec2.instance-types).
pub fn for_architectures(wanted: &[String]) -> &'static str {
    let meant = all().find(|image| wanted.iter().any(|it| it == image.architecture));
    meant.unwrap_or(&IMAGES[0]).id
}
