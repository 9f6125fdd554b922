"""What to do on each system so that it trusts the service's own authority; for the page and for the command line."""

from __future__ import annotations

AUTHORITY_FILE = "authority.crt"

STEPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "Android(11 及以上)",
        (
            f"用手机自带的 Chrome 或 Edge 下载 {AUTHORITY_FILE}(微信里打开的网页下载不了)。从 Android 11 起,"
            "点开下载的文件不能直接安装,要从设置里装。",
            "设置 → 安全 → 加密与凭据 → 安装证书 → CA 证书 → 仍然安装,输入锁屏密码,选中下载的文件。"
            "各品牌的叫法不同(“安全和隐私”“密码与安全”“更多安全设置”),在设置里搜索“证书”最快。",
            "核对指纹:加密与凭据 → 信任的凭据 → 用户,点开刚装的那一个,看 SHA-256。",
            "完全关掉浏览器再打开。Chrome 和 Edge 认手机上安装的 CA 证书;微信、QQ 和多数别的应用里的网页不认。"
            "Firefox 要另外打开:设置 → 关于 Firefox,连点图标几次,返回后在“秘密设置”里打开“使用第三方 CA 证书”。",
        ),
    ),
    (
        "iPhone、iPad",
        (
            f"用 Safari 下载 {AUTHORITY_FILE},选“允许”,系统提示“已下载描述文件”。",
            "设置 → 通用 → VPN与设备管理 → 已下载的描述文件,点“更多详细信息”核对指纹,再点“安装”,输入密码。",
            "设置 → 通用 → 关于本机 → 证书信任设置,打开这个证书的开关。没有这一步,装了也不信任。",
            "完全关掉浏览器再打开。",
        ),
    ),
    (
        "Windows",
        (
            f"下载 {AUTHORITY_FILE},双击打开,在“详细信息”里核对“指纹”(Windows 显示的是 SHA-1)。",
            "安装证书 → 本地计算机(没有管理员权限选“当前用户”)→ 将所有的证书都放入下列存储 → 浏览 → "
            "受信任的根证书颁发机构 → 完成。",
            f"或者用命令,以管理员身份:certutil -addstore -f Root {AUTHORITY_FILE};"
            f"只给自己:certutil -user -addstore -f Root {AUTHORITY_FILE}。",
            "关掉浏览器的所有窗口再打开。Edge、Chrome 用系统的证书。",
        ),
    ),
    (
        "Firefox,统信、麒麟等系统上的浏览器",
        (
            "它们有自己的证书库。Firefox:设置 → 隐私与安全 → 证书 → 查看证书 → 证书颁发机构 → 导入,"
            "勾选“信任由此证书颁发机构来标识网站”"
            "(120 版起,Windows 上也可以勾选“允许 Firefox 自动信任您安装的第三方根证书”)。",
            "Chromium 一类:设置 → 隐私和安全 → 安全 → 管理证书 → 授权机构 → 导入,勾选用于标识网站。",
        ),
    ),
)
"""(system, its steps in their order), as of Android 15, iOS 18, Windows 11 and Firefox 140."""
